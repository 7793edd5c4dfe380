using System.Buffers;
using System.Text.Json;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Criu;

/// <summary>
/// What the kernel calls a container's standard input, output and error: by these names criu's images know the pipes
/// that lead out of the container. Beside the images they are in runc's file, so that either can restore.
/// </summary>
internal static class StreamNames
{
    private const string FileName = "descriptors.json";
    private const int MostBytes = 64 * 1024;

    /// <summary>The names of what a process gets.</summary>
    /// <returns>Null when nothing of it is a pipe.</returns>
    public static IReadOnlyList<string>? Of(params ReadOnlySpan<SafeFileHandle?> files)
    {
        string[]? names = null;
        for (var i = 0; i < files.Length; i++)
        {
            var number = files[i] is { } file ? (int)file.DangerousGetHandle() : i;
            if (FileAt.TryStatus(null, $"/proc/self/fd/{number}", followLinks: true)?.Kind != FileKind.Fifo) continue;
            names ??= ["/dev/null", "/dev/null", "/dev/null"];
            names[i] = FileAt.ReadSymbolicLink(null, $"/proc/self/fd/{number}");
        }
        return names;
    }

    /// <summary>The names of the streams of a running container: its pipes, and what it has open of the host's mounts.</summary>
    /// <param name="pipes">The names as the container was made with; null when nothing was a pipe.</param>
    /// <param name="process">Its first process.</param>
    /// <param name="options">Gets the files of the host, which criu otherwise refuses.</param>
    public static IReadOnlyList<string> Of(IReadOnlyList<string>? pipes, PidHandle process, ProtobufMessage options)
    {
        var names = new string[3];
        var mounts = KernelFile.TryRead(null, process.PathOf("mountinfo")) ?? "";
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = pipes?.Count > i && IsOutside(pipes[i]) ? pipes[i] : "/dev/null";
            if (IsOutside(names[i]) || FileOf(process, i, mounts) is not { } file) continue;
            CriuRequest.AddExternal(options, names[i] = file);
        }
        return names;
    }

    /// <summary>Whether a restored container gets another one instead: a pipe without a name, or a file of the host.</summary>
    public static bool IsOutside(string name) => name.StartsWith("pipe:[", StringComparison.Ordinal) || name.StartsWith("file[", StringComparison.Ordinal);

    // criu's name of a file by its mount and inode; null when it is of the container's mounts, or nothing that is on a mount.
    private static string? FileOf(PidHandle process, int number, string mounts)
    {
        if (FileAt.TryStatus(null, $"/proc/{process.Pid}/fd/{number}", followLinks: true) is not { Kind: FileKind.Regular or FileKind.CharacterDevice } status) return null;
        if (status is { Kind: FileKind.CharacterDevice, RdevMajor: not 1 }) return null; // a terminal is --shell-job's
        foreach (var line in (KernelFile.TryRead(null, $"/proc/{process.Pid}/fdinfo/{number}") ?? "").Split('\n'))
        {
            if (!line.StartsWith("mnt_id:", StringComparison.Ordinal) || !int.TryParse(line["mnt_id:".Length..], out var mount)) continue;
            foreach (var own in mounts.Split('\n'))
            {
                if (own.StartsWith($"{mount} ", StringComparison.Ordinal)) return null;
            }
            return $"file[{mount:x}:{status.Inode:x}]";
        }
        return null;
    }

    /// <summary>Writes them beside the images.</summary>
    public static void Write(SafeFileHandle directory, IReadOnlyList<string> names)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            foreach (var name in names) json.WriteStringValue(name);
            json.WriteEndArray();
        }
        AtomicFile.Write(directory, FileName, bytes.WrittenSpan);
    }

    /// <summary>Reads them; none when there is no such file.</summary>
    /// <exception cref="CrunException">It is no list of at most three names.</exception>
    public static IReadOnlyList<string> Read(SafeFileHandle directory)
    {
        var names = new List<string>();
        if (AtomicFile.TryRead(directory, FileName, MostBytes) is not { } bytes) return names;
        try
        {
            var json = new Utf8JsonReader(bytes);
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.String) names.Add(json.GetString()!);
                else if (json.TokenType is not (JsonTokenType.StartArray or JsonTokenType.EndArray or JsonTokenType.Null)) throw Broken($"{json.TokenType} at byte {json.TokenStartIndex}");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Broken(error is JsonException json ? $"no JSON at byte {json.BytePositionInLine + 1}" : "a string is no UTF-8");
        }
        return names.Count <= 3 ? names : throw Broken($"{names.Count} names");
    }

    private static CrunException Broken(string why) => CrunException.Invalid($"{FileName} is not a list of three names: {why}");
}
