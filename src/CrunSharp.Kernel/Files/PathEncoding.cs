using System.Text;

namespace CrunSharp.Kernel.Files;

/// <summary>
/// File names are bytes; this is how they become strings and back without loss: UTF-8, with each byte that is not part
/// of valid UTF-8 as the lone surrogate U+DC80 to U+DCFF.
/// </summary>
/// <remarks>The mapping is Python's PEP 383, so <c>Encode(Decode(bytes)) == bytes</c> for all bytes.</remarks>
public static class PathEncoding
{
    /// <summary>The string for a name's bytes.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        while (bytes.Length > 0)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                used = 1;
                text.Append((char)(0xDC00 + bytes[0]));
            }
            bytes = bytes[used..];
        }
        return text.ToString();
    }

    /// <summary>The bytes of a name.</summary>
    public static byte[] Encode(string name)
    {
        var buffer = new byte[name.Length * 3];
        return buffer[..Encode(name, buffer)];
    }

    /// <summary>Writes the bytes of a name; returns their number, at most three for each character.</summary>
    public static int Encode(string name, Span<byte> buffer)
    {
        if (System.Text.Unicode.Utf8.FromUtf16(name, buffer, out _, out var written, replaceInvalidSequences: false)
            == System.Buffers.OperationStatus.Done) return written;
        written = 0;
        for (var i = 0; i < name.Length;)
        {
            if (Rune.TryGetRuneAt(name, i, out var rune))
            {
                written += rune.EncodeToUtf8(buffer[written..]);
                i += rune.Utf16SequenceLength;
            }
            else
            {
                if (name[i] is < (char)0xDC80 or > (char)0xDCFF)
                    throw new ArgumentException("a path contains a surrogate that stands for no byte", nameof(name));
                buffer[written++] = (byte)(name[i++] - 0xDC00);
            }
        }
        return written;
    }
}
