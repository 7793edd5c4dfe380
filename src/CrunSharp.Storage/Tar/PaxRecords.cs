using System.Buffers.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tar;

/// <summary>The records of a PAX extended header that say something about the entry after it.</summary>
/// <seealso href="https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03"/>
internal sealed class PaxRecords
{
    private static ReadOnlySpan<byte> AttributePrefix => "SCHILY.xattr."u8;

    public string? Path { get; private set; }
    public string? LinkPath { get; private set; }
    public long? Size { get; private set; }
    public long? Uid { get; private set; }
    public long? Gid { get; private set; }
    public FileTime? Modified { get; private set; }
    public List<TarAttribute> Attributes { get; } = [];

    /// <summary>GNU's sparse format 0.0, 0.1 or 1.0: the name, the size and the map where they are in records.</summary>
    public int? SparseMajor { get; private set; }
    public int? SparseMinor { get; private set; }
    public string? SparseName { get; private set; }
    public long? SparseSize { get; private set; }
    public List<long> SparseMap { get; } = [];

    /// <summary>Reads records of the form <c>LENGTH KEY=VALUE\n</c>; a later one of the same key wins.</summary>
    public void Add(ReadOnlySpan<byte> records)
    {
        while (records.Length > 0)
        {
            if (records[0] == (byte)'+' || !Utf8Parser.TryParse(records, out int length, out var digits) || digits > 9 || length <= digits + 1
                || length > records.Length || records[digits] != ' ' || records[length - 1] != '\n')
                throw CrunException.Integrity("an extended header's record is malformed");
            var record = records[(digits + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0) throw CrunException.Integrity("an extended header's record has no key");
            Set(record[..equals], record[(equals + 1)..]);
            records = records[length..];
        }
    }

    private void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.StartsWith(AttributePrefix)) SetAttribute(key[AttributePrefix.Length..], value);
        else if (value.IsEmpty) return;
        else if (key.SequenceEqual("path"u8)) Path = Name(value);
        else if (key.SequenceEqual("linkpath"u8)) LinkPath = Name(value);
        else if (key.SequenceEqual("size"u8)) Size = Whole(value, "size");
        else if (key.SequenceEqual("uid"u8)) Uid = Whole(value, "owner");
        else if (key.SequenceEqual("gid"u8)) Gid = Whole(value, "group");
        else if (key.SequenceEqual("mtime"u8)) Modified = Time(value);
        else if (key.StartsWith("GNU.sparse."u8)) SetSparse(key["GNU.sparse.".Length..], value);
    }

    private void SetAttribute(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        // GNU tar writes '=' and '%' of a name as %3D and %25.
        var text = Name(name).Replace("%3D", "=", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal);
        if (text.Length is 0 or > 255) throw CrunException.Integrity("an extended attribute's name is empty or too long");
        if (value.Length > 64 * 1024) throw CrunException.Integrity($"the extended attribute {text} has {value.Length} bytes");
        Attributes.RemoveAll(a => a.Name == text);
        if (Attributes.Count == 256) throw CrunException.Integrity("an entry has more than 256 extended attributes");
        Attributes.Add(new TarAttribute(text, value.ToArray()));
    }

    private void SetSparse(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.SequenceEqual("major"u8)) SparseMajor = (int)Math.Min(Whole(value, "sparse version"), 99);
        else if (key.SequenceEqual("minor"u8)) SparseMinor = (int)Math.Min(Whole(value, "sparse version"), 99);
        else if (key.SequenceEqual("name"u8)) SparseName = Name(value);
        else if (key.SequenceEqual("size"u8) || key.SequenceEqual("realsize"u8)) SparseSize = Whole(value, "sparse size");
        else if (key.SequenceEqual("offset"u8) || key.SequenceEqual("numbytes"u8)) SparseMap.Add(Whole(value, "sparse map"));
        else if (key.SequenceEqual("map"u8))
        {
            SparseMap.Clear();
            foreach (var part in value.Split((byte)',')) SparseMap.Add(Whole(value[part], "sparse map"));
        }
    }

    /// <summary>A whole decimal number of 0 or more.</summary>
    public static long Whole(ReadOnlySpan<byte> text, string what) =>
        text.Length is > 0 and <= 19 && text[0] is >= (byte)'0' and <= (byte)'9'
        && Utf8Parser.TryParse(text, out long value, out var used) && used == text.Length && value >= 0
            ? value
            : throw CrunException.Integrity($"the {what} is no whole number");

    private static string Name(ReadOnlySpan<byte> value) =>
        value.Contains((byte)0) ? throw CrunException.Integrity("a name contains a NUL byte") : PathEncoding.Decode(value);

    // -1.25 is one and a quarter seconds before 1970: second -2, and 750,000,000 nanoseconds.
    private static FileTime Time(ReadOnlySpan<byte> text)
    {
        var negative = text[0] == '-';
        if (negative) text = text[1..];
        var dot = text.IndexOf((byte)'.');
        var seconds = Whole(dot < 0 ? text : text[..dot], "time");
        long nanoseconds = 0;
        var digits = dot < 0 ? default : text[(dot + 1)..];
        for (var i = 0; i < digits.Length; i++)
        {
            if (digits[i] is < (byte)'0' or > (byte)'9') throw CrunException.Integrity("the time is no number");
            if (i < 9) nanoseconds = nanoseconds * 10 + (digits[i] - '0');
        }
        for (var i = digits.Length; i < 9; i++) nanoseconds *= 10;
        if (!negative) return new FileTime(seconds, (uint)nanoseconds);
        return nanoseconds == 0 ? new FileTime(-seconds, 0) : new FileTime(-seconds - 1, (uint)(1_000_000_000 - nanoseconds));
    }
}
