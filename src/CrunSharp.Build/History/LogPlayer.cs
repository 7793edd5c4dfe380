using System.IO.Compression;
using System.Text;
using CrunSharp.Build.Progress;

namespace CrunSharp.Build.History;

/// <summary>Makes lines of a build's log, as the build would have shown them.</summary>
internal static class LogPlayer
{
    /// <summary>The coding of events.</summary>
    public const string Plain = "events";

    /// <summary>The coding of compressed events.</summary>
    public const string Compressed = "events+gzip";

    private const int MostBytes = 32 << 20;

    /// <summary>Writes the lines of a log.</summary>
    /// <param name="log">The log; it is closed.</param>
    /// <param name="coding">How it is kept.</param>
    /// <param name="output">Where the lines go.</param>
    /// <exception cref="InvalidDataException">The log is damaged; what was before that is written.</exception>
    public static void Play(Stream log, string? coding, TextWriter output)
    {
        using var events = new BufferedStream(coding == Compressed ? new GZipStream(log, CompressionMode.Decompress) : log, 64 * 1024);
        if (coding is not (Plain or Compressed)) throw new InvalidDataException();
        using var reader = new BinaryReader(events);
        try
        {
            Play(reader, output);
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException();
        }
    }

    private static void Play(BinaryReader reader, TextWriter output)
    {
        var clock = new PlayedTime();
        var lines = new PlainProgress(output, clock);
        var steps = new Dictionary<int, BuildStep>();
        for (int kind; (kind = reader.BaseStream.ReadByte()) >= 0;)
        {
            var number = reader.Read7BitEncodedInt();
            clock.Now = reader.Read7BitEncodedInt64();
            var length = reader.Read7BitEncodedInt();
            if (length is < 0 or > MostBytes) throw new InvalidDataException();
            var bytes = reader.ReadBytes(length);
            if (bytes.Length < length) throw new InvalidDataException();
            var step = steps.GetValueOrDefault(number);
            switch ((LogEvent)kind)
            {
                case LogEvent.Started: lines.Started(steps[number] = new BuildStep(number, Text(bytes))); break;
                case LogEvent.Cached: lines.Cached(new BuildStep(number, Text(bytes))); break;
                case LogEvent.Warning: lines.Warning(Text(bytes)); break;
                case LogEvent.Text: output.Write(Text(bytes)); break;
                case LogEvent.Output or LogEvent.Failed or LogEvent.Finished when step is null: break;
                case LogEvent.Output: lines.Output(step, bytes, false); break;
                case LogEvent.Failed:
                    lines.Failed(step, Text(bytes));
                    steps.Remove(number);
                    break;
                case LogEvent.Finished:
                    lines.Finished(step);
                    steps.Remove(number);
                    break;
                default: throw new InvalidDataException();
            }
        }

        static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);
    }

    private sealed class PlayedTime : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => Now;
    }
}
