using System.IO.Compression;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage.Tests.Layers;

/// <summary>Layers that are small on the wire and large here, or many, or long: each has a limit with a clear error, or is no trouble.</summary>
public class BombTests : TemporaryFolder
{
    private const int Mebibyte = 1 << 20;

    private static readonly LayerLimits s_limits = new() { Bytes = 50 * Mebibyte };

    [TestCase(CompressionKind.Gzip)]
    [TestCase(CompressionKind.Zstd)]
    [TestCase(CompressionKind.Xz)]
    [TestCase(CompressionKind.Bzip2)]
    public void A_bomb_is_stopped_at_the_limit_and_nothing_is_left(CompressionKind kind)
    {
        using var store = OpenStore();
        var bomb = Compress(kind, BigFile(60 * Mebibyte));
        Assert.That(bomb, Has.Length.LessThan(Mebibyte / 8));
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(bomb), null, limits: s_limits),
            Throws.TypeOf<CrunException>().With.Message.Contains($"it unpacks to more than {50 * Mebibyte} bytes, which is the limit (CRUN_SHARP_LAYER_LIMITS=bytes=SIZE sets another)"));
        AssertNothingIsLeft();
    }

    [TestCase(CompressionKind.Gzip)]
    [TestCase(CompressionKind.Zstd)]
    public void A_bomb_behind_the_end_of_the_tar_is_stopped_as_well(CompressionKind kind)
    {
        using var store = OpenStore();
        var bomb = Compress(kind, [.. TestTar.Of(("f", "x")), .. new byte[60 * Mebibyte]]);
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(bomb), null, limits: s_limits), Throws.TypeOf<CrunException>().With.Message.Contains("the limit"));
        AssertNothingIsLeft();
    }

    [Test]
    public void What_unpacks_to_thousands_of_times_its_size_is_stopped_whatever_room_there_is()
    {
        using var store = OpenStore();
        var bomb = ZstdBomb(TestTar.Of(("f", "x")), 9000); // 1.1 GiB
        Assert.That(bomb, Has.Length.LessThan(100_000));
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(bomb), null), Throws.TypeOf<CrunException>().With.Message.Contains("it unpacks to more than 2000 times its size, which is the limit (CRUN_SHARP_LAYER_LIMITS=ratio=NUMBER sets another)"));
        AssertNothingIsLeft();
        using var trusting = Store.Open(store.Root, new LayerLimits { Ratio = 1_000_000 });
        Assert.That(trusting.Layers.ApplyKeeping(new MemoryStream(bomb), null).Entries, Is.EqualTo(1));
    }

    [Test]
    public void The_error_names_the_layer()
    {
        using var store = Store.Open(Folder + "/store", s_limits);
        var tar = BigFile(60 * Mebibyte);
        var bomb = Compress(CompressionKind.Gzip, tar);
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(bomb), Digest.Of(tar), Digest.Of(bomb)), Throws.TypeOf<CrunException>().With.Message.StartsWith($"layer {Digest.Of(bomb)}: "));
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(bomb), Digest.Of(tar)), Throws.TypeOf<CrunException>().With.Message.StartsWith($"layer {Digest.Of(tar)}: "));
        AssertNothingIsLeft();
    }

    [Test]
    public void Imports_and_compressed_archives_have_the_same_limits()
    {
        using var store = Store.Open(Folder + "/store", s_limits);
        var bomb = Compress(CompressionKind.Gzip, BigFile(60 * Mebibyte));
        Assert.That(() => RootfsImport.Import(store, new MemoryStream(bomb), null), Throws.TypeOf<CrunException>().With.Message.Contains("it unpacks to more than 52428800 bytes"));
        Assert.That(() => ImageArchive.Load(store, new MemoryStream(bomb)), Throws.TypeOf<CrunException>().With.Message.StartsWith("load: it unpacks to more than 52428800 bytes"));
        AssertNothingIsLeft();
    }

    [Test]
    public void Sizes_that_together_are_no_number_any_more_are_refused()
    {
        using var store = OpenStore();
        // Two sparse files of nearly 8 EiB.
        var tar = new List<byte>();
        foreach (var name in (string[])["f", "g"])
        {
            var records = Encoding.ASCII.GetBytes("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n43 GNU.sparse.realsize=9223372036854775000\n");
            tar.AddRange([.. Header("x", 'x', records.Length), .. records, .. new byte[512 - records.Length]]);
            tar.AddRange([.. Header(name, '0', 512), .. Encoding.ASCII.GetBytes("0\n".PadRight(512, '\0'))]);
        }
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream([.. tar, .. new byte[1024]]), null, limits: new LayerLimits { Bytes = long.MaxValue }), Throws.TypeOf<CrunException>());
        AssertNothingIsLeft();
    }

    [Test]
    public void A_decoder_gets_no_more_memory_than_it_may_need()
    {
        using var store = OpenStore();
        var tar = TestTar.Of(("f", "x"));
        var zstd = ZstdBomb(tar, 1);
        Assert.That(store.Layers.ApplyKeeping(new MemoryStream(zstd), null).Entries, Is.EqualTo(1));
        zstd[5] = 21 << 3; // a window of 2 GiB
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(zstd), null), Throws.TypeOf<CrunException>().With.Message.Contains("memory"));
        var xz = Shell.Pipe("xz -9 --lzma2=dict=1GiB", tar);
        Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(xz), null), Throws.TypeOf<CrunException>().With.Message.Contains("more than 256 MiB of memory"));
    }

    [Test]
    public void Frames_without_end_that_hold_nothing_come_to_an_end()
    {
        using var store = OpenStore();
        // Members and frames of no bytes at all: nothing to unpack, but the stream goes on.
        var gzip = Enumerable.Repeat(Compress(CompressionKind.Gzip, []), 20_000).SelectMany(static b => b).ToArray();
        Assert.That(store.Layers.ApplyKeeping(new MemoryStream(gzip), null).Entries, Is.Zero);
        var skipped = Enumerable.Repeat((byte[])[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], 100_000).SelectMany(static b => b).ToArray();
        Assert.That(store.Layers.ApplyKeeping(new MemoryStream(skipped), null).Entries, Is.Zero);
        Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
    }

    [Test]
    public void A_hundred_thousand_files_in_one_directory_are_unpacked_and_come_back()
    {
        using var store = OpenStore();
        var tar = TestTar.Write(static writer =>
        {
            TestTar.Entry(writer, TarKind.Directory, "many");
            for (var i = 0; i < 100_000; i++) TestTar.File(writer, $"many/{i:d6}", "");
        });
        var layer = store.Layers.Apply(new MemoryStream(tar), null, null);
        Assert.That(layer.Entries, Is.EqualTo(100_001));
        using var directory = FileAt.OpenDirectory(layer.Path + "/many");
        Assert.That(FileAt.List(directory), Has.Count.EqualTo(100_000));
        using var again = new MemoryStream();
        store.Layers.WriteTar(layer, again);
        Assert.That(Digest.Of(again.ToArray()), Is.EqualTo(layer.DiffId));
    }

    [TestCase(4096)]
    [TestCase(4097)]
    [TestCase(20_000)]
    public void Names_of_four_thousand_bytes_and_more_are_within_the_layer(int length)
    {
        using var store = OpenStore();
        var name = string.Concat(Enumerable.Range(0, length).Select(static i => i % 100 == 99 ? '/' : 'n'))[..(length - 1)] + "f";
        var layer = store.Layers.Apply(new MemoryStream(TestTar.Of((name, "deep"))), null, null);
        using var tar = new MemoryStream();
        store.Layers.WriteTar(layer, tar);
        Assert.That(Digest.Of(tar.ToArray()), Is.EqualTo(layer.DiffId));
        Assert.That(Directory.GetFileSystemEntries(Folder), Is.EqualTo((string[])[Folder + "/store"]));
    }

    [Test]
    public void Many_holes_in_many_files_count_as_if_they_were_full()
    {
        using var store = OpenStore();
        // Ten files of 10 MiB that store nothing.
        var sparse = new List<byte>();
        for (var i = 0; i < 10; i++)
        {
            var records = Encoding.ASCII.GetBytes("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n32 GNU.sparse.realsize=10485760\n");
            sparse.AddRange(Header($"x{i}", 'x', records.Length));
            sparse.AddRange(records);
            sparse.AddRange(new byte[512 - records.Length]);
            sparse.AddRange(Header($"f{i}", '0', 512));
            sparse.AddRange(Encoding.ASCII.GetBytes("0\n".PadRight(512, '\0')));
        }
        sparse.AddRange(new byte[1024]);
        Assert.That(store.Layers.Apply(new MemoryStream([.. sparse]), null, null).Size, Is.EqualTo(100 * Mebibyte));
        using var other = Store.Open(Folder + "/other");
        Assert.That(() => other.Layers.Apply(new MemoryStream([.. sparse]), null, null, s_limits), Throws.TypeOf<CrunException>().With.Message.Contains("the limit"));
    }

    private static byte[] Header(string name, char type, int size)
    {
        var header = TestTar.Write(writer => writer.Begin(new TarEntry { Name = name, Kind = TarKind.File }))[..512];
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0')).CopyTo(header, TarHeader.Length.Offset);
        header[TarHeader.TypeOffset] = (byte)type;
        var checksum = header.AsSpan(TarHeader.Checksum.Offset, TarHeader.Checksum.Size);
        checksum.Fill((byte)' ');
        var sum = 0;
        foreach (var b in header) sum += b;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(checksum);
        return header;
    }

    private static byte[] BigFile(int size) => TestTar.Write(writer =>
    {
        writer.Begin(new TarEntry { Name = "big", Kind = TarKind.File, Size = size });
        writer.Write(new byte[size]);
    });

    private static byte[] Compress(CompressionKind kind, byte[] content)
    {
        switch (kind)
        {
            case CompressionKind.Gzip:
                using (var output = new MemoryStream())
                {
                    using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
                    return output.ToArray();
                }
            case CompressionKind.Zstd:
                var end = Array.FindLastIndex(content, static b => b != 0) + 1;
                return ZstdBomb(content[..end], (content.Length - end) / ZstdBlock + 1);
            default:
                return Shell.Pipe(kind == CompressionKind.Xz ? "xz -0" : "bzip2", content);
        }
    }

    private const int ZstdBlock = 128 * 1024;

    // One frame: a block of bytes as they are, and then such that say "so many zeros".
    private static byte[] ZstdBomb(byte[] start, int blocks)
    {
        var frame = new List<byte> { 0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3 };
        AddBlock(start.Length << 3);
        frame.AddRange(start);
        for (var i = 0; i < blocks; i++)
        {
            AddBlock(ZstdBlock << 3 | 1 << 1 | (i == blocks - 1 ? 1 : 0));
            frame.Add(0);
        }
        return [.. frame];

        void AddBlock(int header) => frame.AddRange((ReadOnlySpan<byte>)[(byte)header, (byte)(header >> 8), (byte)(header >> 16)]);
    }

    private void AssertNothingIsLeft()
    {
        foreach (var folder in (string[])["tmp", "layers", "blobs/sha256"])
            Assert.That(Directory.Exists($"{Folder}/store/{folder}") ? Directory.GetFileSystemEntries($"{Folder}/store/{folder}") : [], Is.Empty, folder);
    }
}
