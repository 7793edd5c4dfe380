using CrunSharp.Oci;

namespace CrunSharp.Storage.Tar;

/// <summary>Reads where the stored parts of a sparse file are, in GNU's four ways to say it.</summary>
/// <seealso href="https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html"/>
internal static class SparseMap
{
    private const int MostParts = 64 * 1024;

    public static IReadOnlyList<SparsePart>? None(out long size)
    {
        size = 0;
        return null;
    }

    public static IReadOnlyList<SparsePart>? Read(TarReader reader, byte[] header, char type, PaxRecords pax, ref long stored, out long size)
    {
        List<long> numbers;
        if (type == 'S')
        {
            size = TarHeader.Number(header.AsSpan(483, 12), "sparse size");
            numbers = OldFormat(reader, header);
        }
        else if (pax.SparseMajor == 1 && pax.SparseMinor == 0)
        {
            size = pax.SparseSize ?? throw CrunException.Integrity("a sparse file has no size");
            numbers = InContent(reader, ref stored);
        }
        else if (pax.SparseMap.Count > 0 || pax is { SparseSize: not null, SparseMajor: null })
        {
            size = pax.SparseSize ?? throw CrunException.Integrity("a sparse file has no size");
            numbers = pax.SparseMap;
        }
        else if (pax.SparseMajor is not null)
        {
            throw CrunException.Integrity($"the sparse format {pax.SparseMajor}.{pax.SparseMinor} is unknown");
        }
        else
        {
            size = stored;
            return null;
        }
        return Check(numbers, stored, size);
    }

    // The parts are in order, do not touch each other's bytes, are within the file, and are all that is stored.
    private static List<SparsePart> Check(List<long> numbers, long stored, long size)
    {
        if (size < 0) throw CrunException.Integrity("the sparse size is negative");
        if (numbers.Count % 2 != 0 || numbers.Count / 2 > MostParts) throw CrunException.Integrity("the map of a sparse file is malformed or too long");
        var parts = new List<SparsePart>(numbers.Count / 2);
        long end = 0, sum = 0;
        for (var i = 0; i < numbers.Count; i += 2)
        {
            var (offset, length) = (numbers[i], numbers[i + 1]);
            if (offset < end || length < 0 || offset > size || length > size - offset)
                throw CrunException.Integrity("the map of a sparse file overlaps or leads out of the file");
            end = offset + length;
            sum += length;
            if (length > 0) parts.Add(new SparsePart(offset, length));
        }
        return sum == stored ? parts : throw CrunException.Integrity($"a sparse file stores {stored} bytes where its map has {sum}");
    }

    private static List<long> OldFormat(TarReader reader, byte[] header)
    {
        var numbers = new List<long>();
        AddPairs(header.AsSpan(386), 4, numbers);
        for (var more = header[482] != 0; more;)
        {
            var block = reader.ReadBlock(ofContent: false);
            AddPairs(block, 21, numbers);
            more = block[504] != 0;
            if (numbers.Count > 2 * MostParts) throw CrunException.Integrity("the map of a sparse file is too long");
        }
        return numbers;
    }

    private static void AddPairs(ReadOnlySpan<byte> bytes, int count, List<long> numbers)
    {
        for (var i = 0; i < count; i++)
        {
            var pair = bytes.Slice(i * 24, 24);
            if (pair[0] == 0) return;
            numbers.Add(TarHeader.Number(pair[..12], "sparse map"));
            numbers.Add(TarHeader.Number(pair[12..], "sparse map"));
        }
    }

    // Lines of decimal numbers, the first of which says how many pairs follow, padded to whole blocks.
    private static List<long> InContent(TarReader reader, ref long stored)
    {
        var numbers = new List<long>();
        var line = new List<byte>();
        long expected = 0;
        while (numbers.Count == 0 || numbers.Count - 1 < 2 * expected)
        {
            var block = reader.ReadBlock(ofContent: true);
            stored -= TarHeader.Size;
            foreach (var b in block)
            {
                if (b != '\n')
                {
                    line.Add(b);
                    if (line.Count > 20) throw CrunException.Integrity("the map of a sparse file is malformed");
                    continue;
                }
                numbers.Add(PaxRecords.Whole(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(line), "sparse map"));
                line.Clear();
                if (numbers.Count == 1 && (expected = numbers[0]) > MostParts) throw CrunException.Integrity("the map of a sparse file is too long");
                if (numbers.Count - 1 == 2 * expected) break;
            }
        }
        numbers.RemoveAt(0);
        return numbers;
    }
}
