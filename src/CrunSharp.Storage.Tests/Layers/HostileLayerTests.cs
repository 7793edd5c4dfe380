using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage.Tests.Layers;

/// <summary>Layers made to break out or to break the reader: each is refused, or lands within the layer. Nothing is left behind.</summary>
public class HostileLayerTests : TemporaryFolder
{
    private static readonly string Up = string.Concat(Enumerable.Repeat("../", 12));

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case("a path that climbs", w => TestTar.File(w, "../victim/new", "x"), "leads upwards");
        yield return Case("a path that climbs from below", w => TestTar.File(w, "a/b/../../../victim/new", "x"), "leads upwards");
        yield return Case("a path that climbs far", w => TestTar.File(w, Up + "tmp/new", "x"), "leads upwards");
        yield return Case("a directory that climbs", w => TestTar.Entry(w, TarKind.Directory, "a/../../victim"), "leads upwards");
        yield return Case("a file at the root", w => TestTar.Entry(w, TarKind.SymbolicLink, "/", "x"), "name is empty");
        yield return Case("no name", w => TestTar.File(w, "", ""), "name is empty");
        yield return Case("a hard link that climbs", w => TestTar.Entry(w, TarKind.HardLink, "h", "../victim/secret"), "leads upwards");
        yield return Case("a hard link to a host's path", w => TestTar.Entry(w, TarKind.HardLink, "h", "/etc/passwd"), "no file of the layer");
        yield return Case("a hard link through a link", w =>
        {
            TestTar.Entry(w, TarKind.SymbolicLink, "d", "/etc");
            TestTar.Entry(w, TarKind.HardLink, "h", "d/passwd");
        }, "no file of the layer");
        yield return Case("a hard link to what comes later", w =>
        {
            TestTar.Entry(w, TarKind.HardLink, "h", "later");
            TestTar.File(w, "later", "x");
        }, "no file of the layer");
        yield return Case("a hard link to a directory", w =>
        {
            TestTar.Entry(w, TarKind.Directory, "d");
            TestTar.Entry(w, TarKind.HardLink, "h", "d");
        }, "no file of the layer");
        yield return Case("a hard link to a whiteout", w =>
        {
            TestTar.File(w, ".wh.gone", "");
            TestTar.Entry(w, TarKind.HardLink, "h", "gone");
        }, "no file of the layer");
        yield return Case("a whiteout that climbs", w => TestTar.File(w, "../.wh.victim", ""), "leads upwards");
        yield return Case("an opaque mark that climbs", w => TestTar.File(w, "../victim/.wh..wh..opq", ""), "leads upwards");
        yield return Case("an attribute with a name of 300 bytes", w => w.Begin(Attributed("user." + new string('x', 300), 1)), "name is empty or too long");
        yield return Case("an attribute of 70 000 bytes", w => w.Begin(Attributed("user.x", 70_000)), "has 70000 bytes");
        yield return Case("a whiteout of nothing", w => TestTar.File(w, "d/.wh.", ""), "no valid whiteout");
        yield return Case("a whiteout of .", w => TestTar.File(w, "d/.wh..", ""), "no valid whiteout");
        yield return Case("a whiteout of ..", w => TestTar.File(w, "d/.wh...", ""), "no valid whiteout");
        yield return Case("a whiteout of a whiteout", w => TestTar.File(w, "d/.wh..wh.x", ""), "no valid whiteout");
        yield return Case("an opaque mark by another name", w => TestTar.File(w, "d/.wh..wh..opq2", ""), "no valid whiteout");
        yield return Case("a whiteout with something in it", w => TestTar.File(w, ".wh.d/file", ""), "has something in it");
        yield return Case("a character device 0:0", w => w.Begin(new TarEntry { Name = "c", Kind = TarKind.CharacterDevice }), "would hide");
        yield return Case("a file as directory", w =>
        {
            TestTar.File(w, "f", "x");
            TestTar.File(w, "f/g", "x");
        }, "in the way");
        yield return Case("a directory behind a link to nothing", w =>
        {
            TestTar.Entry(w, TarKind.SymbolicLink, "d", "/nothing/here");
            TestTar.File(w, "d/f", "x");
        }, "link to nothing");
        yield return Case("a directory behind a link to itself", w =>
        {
            TestTar.Entry(w, TarKind.SymbolicLink, "d", "d");
            TestTar.File(w, "d/f", "x");
        }, "in the way");
        yield return Case("a name of 256 bytes", w => TestTar.File(w, new string('n', 256), ""), "longer than 255");
        yield return Case("a link to the empty name", w => TestTar.Entry(w, TarKind.SymbolicLink, "l"), "empty or too long");
        yield return Case("a link to 5000 bytes", w => TestTar.Entry(w, TarKind.SymbolicLink, "l", new string('t', 5000)), "empty or too long");
        yield return Case("a capability of the wrong size", w => w.Begin(new TarEntry
        {
            Name = "f",
            Kind = TarKind.File,
            Attributes = [new TarAttribute("security.capability", new byte[] { 1, 0, 0, 2, 1 })],
        }), "malformed");
        yield return Case("a capability of version 1", w => w.Begin(new TarEntry
        {
            Name = "f",
            Kind = TarKind.File,
            Attributes = [new TarAttribute("security.capability", new byte[] { 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0 })],
        }), "malformed");

        yield return Bytes("a wrong checksum", TestTar.Of(("f", "x")), static t => t[0]++, "checksum");
        yield return Bytes("a negative size", TestTar.Of(("f", "x")), static t => Patch(t, TarHeader.Length, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0]), "negative");
        yield return Bytes("a size beyond 64 bits", TestTar.Of(("f", "x")), static t => Patch(t, TarHeader.Length, [0x81, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), "out of range");
        yield return Bytes("a size of 8 EiB", TestTar.Of(("f", "x")), static t => Patch(t, TarHeader.Length, [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "more than .* bytes");
        yield return Bytes("a size that is no number", TestTar.Of(("f", "x")), static t => Patch(t, TarHeader.Length, "0000009x   "u8), "no octal number");
        yield return Bytes("an owner beyond 2^31", TestTar.Of(("f", "x")), static t => Patch(t, TarHeader.Uid, [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), "not within");
        yield return Bytes("an unknown type", TestTar.Of(("f", "x")), static t => Patch(t, new TarHeader.Field(156, 1), "Z"u8), "unknown type");
        yield return Bytes("a tar cut off in a file", TestTar.Of(("f", new string('x', 4000)))[..2000], null, "cut off");
        yield return Bytes("a tar cut off in a header", TestTar.Of(("f", "x"))[..300], null, "cut off");
        yield return Bytes("one block of zeros in the middle", [.. new byte[512], .. TestTar.Of(("f", "x"))], null, "one block of zeros");
        yield return Bytes("a NUL in a PAX path", Pax(Record("path=good\0hidden")), null, "NUL");
        yield return Bytes("a NUL in a GNU name", Extended('L', "good\0hidden"u8), null, "NUL");
        yield return Bytes("a PAX record with a wrong length", Pax("99 path=x\n"), null, "malformed");
        yield return Bytes("a PAX record of length 0", Pax("0 path=x\n"), null, "malformed");
        yield return Bytes("a PAX record with a negative length", Pax("-9 path=x\n"), null, "malformed");
        yield return Bytes("a PAX record without a key", Pax("5 =x\n"), null, "no key");
        yield return Bytes("a negative PAX size", Pax(Record("size=-1")), null, "no whole number");
        yield return Bytes("a PAX size of 8 EiB", Pax(Record("size=9223372036854775807")), null, "more than .* bytes");
        yield return Bytes("a PAX header of 2 MiB", Extended('x', new byte[2 << 20]), null, "more than 1048576");
        yield return Bytes("a PAX header and then nothing", Pax("10 path=x\n")[..1024], null, "cut off|ends after");
        yield return Bytes("a sparse file of 8 EiB", Pax(Record("GNU.sparse.major=1") + Record("GNU.sparse.minor=0") + Record("GNU.sparse.realsize=9223372036854775807"), "0\n"), null, "more than .* bytes");
        yield return Bytes("a sparse file with overlapping parts", Pax(Record("GNU.sparse.map=0,5,3,5") + Record("GNU.sparse.size=100"), "0123456789"), null, "overlaps");
        yield return Bytes("a sparse file with parts outside", Pax(Record("GNU.sparse.map=0,5,99,5") + Record("GNU.sparse.size=100"), "0123456789"), null, "leads out");
        yield return Bytes("a sparse file that stores less than its map", Pax(Record("GNU.sparse.map=0,5") + Record("GNU.sparse.size=100"), "0123456789"), null, "stores 10 bytes");
        yield return Bytes("a sparse map without end", Pax(Record("GNU.sparse.major=1") + Record("GNU.sparse.minor=0") + Record("GNU.sparse.realsize=100"), "99999999\n"), null, "too long");
        yield return Bytes("no tar at all", Encoding.ASCII.GetBytes(new string('z', 2048)), null, "checksum|octal");
    }

    [TestCaseSource(nameof(Refused))]
    public void Is_refused_and_leaves_nothing(byte[] tar, string reason)
    {
        MakeVictim();
        var before = Trees.List(Folder + "/victim");
        using var store = OpenStore();
        Assert.That(() => store.Layers.Apply(new MemoryStream(tar), null, null), Throws.TypeOf<CrunException>().With.Message.Matches(reason));
        Assert.Multiple(() =>
        {
            Assert.That(Trees.List(Folder + "/victim"), Is.EqualTo(before));
            Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
            Assert.That(Directory.Exists(Folder + "/store/layers") ? Directory.GetFileSystemEntries(Folder + "/store/layers") : [], Is.Empty);
            Assert.That(Directory.GetFileSystemEntries(Folder), Has.Length.EqualTo(2));
        });
    }

    [Test]
    public void Absolute_names_and_links_lead_into_the_layer()
    {
        MakeVictim();
        var before = Trees.List(Folder + "/victim");
        var layer = Apply(w =>
        {
            TestTar.File(w, "/etc/passwd", "mine");
            TestTar.Entry(w, TarKind.Directory, "inner");
            TestTar.Entry(w, TarKind.SymbolicLink, "abs", "/inner");
            TestTar.Entry(w, TarKind.SymbolicLink, "rel", Up + "inner");
            TestTar.File(w, "abs/one", "1");
            TestTar.File(w, "rel/two", "2");
            TestTar.File(w, "abs/.wh.gone", "");
            TestTar.Entry(w, TarKind.SymbolicLink, "file", Folder + "/victim/secret");
            TestTar.File(w, "file", "over the link, not through it");
        });
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText(layer.Path + "/etc/passwd"), Is.EqualTo("mine"));
            Assert.That(Directory.GetFileSystemEntries(layer.Path + "/inner").Select(Path.GetFileName), Is.EquivalentTo(new[] { "one", "two", "gone" }));
            Assert.That(FileAt.Status(null, layer.Path + "/inner/gone").IsWhiteout, Is.True);
            Assert.That(new FileInfo(layer.Path + "/file").LinkTarget, Is.Null);
            Assert.That(Trees.List(Folder + "/victim"), Is.EqualTo(before));
        });
    }

    [Test]
    public void A_link_swapped_for_a_directory_is_not_remembered_as_one()
    {
        MakeVictim();
        var before = Trees.List(Folder + "/victim");
        var layer = Apply(w =>
        {
            TestTar.Entry(w, TarKind.Directory, "a");
            TestTar.File(w, "a/first", "1");
            TestTar.Entry(w, TarKind.SymbolicLink, "a", "/b");
            TestTar.Entry(w, TarKind.Directory, "b");
            TestTar.File(w, "a/second", "2");
            TestTar.Entry(w, TarKind.Directory, "a");
            TestTar.File(w, "a/third", "3");
        });
        Assert.Multiple(() =>
        {
            Assert.That(File.Exists(layer.Path + "/b/second"), Is.True);
            Assert.That(Directory.GetFileSystemEntries(layer.Path + "/a").Select(Path.GetFileName), Is.EqualTo(new[] { "third" }));
            Assert.That(Trees.List(Folder + "/victim"), Is.EqualTo(before));
        });
    }

    [Test]
    public void Marks_of_overlayfs_and_labels_of_the_host_are_dropped()
    {
        var layer = Apply(w => w.Begin(new TarEntry
        {
            Name = "f",
            Kind = TarKind.File,
            Attributes =
            [
                new TarAttribute("trusted.overlay.opaque", "y"u8.ToArray()),
                new TarAttribute("trusted.overlay.redirect", "/etc"u8.ToArray()),
                new TarAttribute("user.overlay.metacopy", "x"u8.ToArray()),
                new TarAttribute("security.selinux", "x"u8.ToArray()),
                new TarAttribute("user.kept", "y"u8.ToArray()),
            ],
        }));
        using var root = FileAt.OpenDirectory(layer.Path);
        Assert.That(ExtendedAttributes.List(root, "f"), Is.EqualTo(new[] { "user.kept" }));
    }

    [Test]
    public void Devices_set_user_id_bits_and_capabilities_are_kept()
    {
        byte[] capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var layer = Apply(w =>
        {
            TestTar.File(w, "su", "x", 0x9ed);
            w.Begin(new TarEntry { Name = "null", Kind = TarKind.CharacterDevice, Mode = 0x1b6, DeviceMajor = 1, DeviceMinor = 3 });
            w.Begin(new TarEntry { Name = "ping", Kind = TarKind.File, Uid = 5, Mode = 0x9ed, Attributes = [new TarAttribute("security.capability", capability)] });
        });
        using var root = FileAt.OpenDirectory(layer.Path);
        Assert.Multiple(() =>
        {
            Assert.That(FileAt.Status(root, "su").Mode, Is.EqualTo(0x9ed));
            Assert.That(FileAt.Status(root, "ping").Mode, Is.EqualTo(0x9ed));
            Assert.That((FileAt.Status(root, "null").RdevMajor, FileAt.Status(root, "null").RdevMinor), Is.EqualTo((1u, 3u)));
            Assert.That(ExtendedAttributes.Get(root, "ping", "security.capability"), Is.EqualTo(capability));
        });
    }

    [Test]
    public void The_last_entry_of_a_name_wins()
    {
        var layer = Apply(w =>
        {
            TestTar.File(w, "f", "first");
            TestTar.Entry(w, TarKind.HardLink, "g", "f");
            TestTar.File(w, "f", "second");
            TestTar.Entry(w, TarKind.Directory, "d");
            TestTar.File(w, "d/inside", "x");
            TestTar.File(w, "d", "no directory any more");
            TestTar.Entry(w, TarKind.HardLink, "f", "./f");
        });
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText(layer.Path + "/f"), Is.EqualTo("second"));
            Assert.That(File.ReadAllText(layer.Path + "/g"), Is.EqualTo("first"));
            Assert.That(File.ReadAllText(layer.Path + "/d"), Is.EqualTo("no directory any more"));
        });
    }

    [Test]
    public void Whiteouts_speak_of_the_layers_beneath_only()
    {
        var layer = Apply(w =>
        {
            TestTar.File(w, "kept", "x");
            TestTar.File(w, ".wh.kept", "");
            TestTar.File(w, ".wh.remade", "");
            TestTar.Entry(w, TarKind.Directory, "remade");
            TestTar.Entry(w, TarKind.Directory, "made");
            TestTar.File(w, ".wh.made", "");
            TestTar.Entry(w, TarKind.Directory, "opaque");
            TestTar.File(w, "opaque/before", "x");
            TestTar.File(w, "opaque/.wh..wh..opq", "");
            TestTar.File(w, ".wh..wh.plnk/12.34", "");
            TestTar.File(w, ".wh..wh.aufs", "");
        });
        using var root = FileAt.OpenDirectory(layer.Path);
        Assert.Multiple(() =>
        {
            Assert.That(FileAt.List(root), Is.EquivalentTo(new[] { "kept", "remade", "made", "opaque" }));
            Assert.That(File.ReadAllText(layer.Path + "/kept"), Is.EqualTo("x"));
            Assert.That(File.Exists(layer.Path + "/opaque/before"), Is.True);
            foreach (var name in new[] { "remade", "made", "opaque" })
                Assert.That(ExtendedAttributes.Get(root, name, "trusted.overlay.opaque"), Is.EqualTo("y"u8.ToArray()), name);
        });
    }

    [Test]
    public void A_large_hole_costs_nothing_and_bombs_are_stopped()
    {
        var hole = Pax(Record("GNU.sparse.major=1") + Record("GNU.sparse.minor=0") + Record("GNU.sparse.realsize=17179869184"), "1\n1000000\n5\n", "hello");
        using var store = OpenStore();
        var layer = store.Layers.Apply(new MemoryStream(hole), null, null);
        var status = FileAt.Status(null, layer.Path + "/f");
        Assert.That((status.Size, status.Blocks < 64), Is.EqualTo((16L << 30, true)));

        Assert.Multiple(() =>
        {
            Assert.That(() => store.Layers.Apply(new MemoryStream(hole), null, null, new LayerLimits { Bytes = 1 << 30 }),
                Throws.TypeOf<CrunException>().With.Message.Contains("limit"));
            Assert.That(() => store.Layers.Apply(new MemoryStream(TestTar.Of(("a", ""), ("b", ""), ("c", ""))), null, null, new LayerLimits { Entries = 2 }),
                Throws.TypeOf<CrunException>().With.Message.Contains("more than 2 entries"));
            Assert.That(() => store.Layers.Apply(new MemoryStream([.. TestTar.Of(("a", "")), .. new byte[5000]]), null, null, new LayerLimits { Bytes = 5000 }),
                Throws.TypeOf<CrunException>().With.Message.Contains("5000 bytes"));
        });
    }

    [Test]
    public void Other_bytes_than_promised_are_refused()
    {
        var tar = TestTar.Of(("f", "x"));
        var digest = Digest.Of(tar);
        var other = Digest.Of("other"u8);
        using var store = OpenStore();
        Assert.Multiple(() =>
        {
            Assert.That(() => store.Layers.Apply(new MemoryStream(tar), other, null), Throws.TypeOf<CrunException>().With.Message.Contains("was promised"));
            Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(tar), digest, other), Throws.TypeOf<CrunException>().With.Message.Contains("was promised"));
            Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(tar), digest, digest, tar.Length - 1), Throws.TypeOf<CrunException>().With.Message.Contains("more than the"));
            Assert.That(() => store.Layers.ApplyKeeping(new MemoryStream(tar), digest, digest, tar.Length + 1), Throws.TypeOf<CrunException>().With.Message.Contains("where"));
            Assert.That(() => store.Content.Ingest(new MemoryStream(tar), other), Throws.TypeOf<CrunException>().With.Message.Contains("was promised"));
            Assert.That(store.Content.Contains(digest), Is.False);
            Assert.That(store.Layers.TryGet(digest), Is.Null);
            Assert.That(store.Layers.ApplyKeeping(new MemoryStream(tar), digest, digest, tar.Length).DiffId, Is.EqualTo(digest));
        });
    }

    [Test]
    public void Paths_longer_than_the_kernel_takes_come_back()
    {
        var name = string.Join('/', Enumerable.Repeat(new string('d', 200), 30));
        using var store = OpenStore();
        var layer = store.Layers.Apply(new MemoryStream(TestTar.Of((name + "/file", "deep"))), null, null);
        using var tar = new MemoryStream();
        store.Layers.WriteTar(layer, tar);
        Assert.That(layer.Implied, Has.Count.EqualTo(30));
    }

    private Layer Apply(Action<TarWriter> write)
    {
        using var store = OpenStore();
        return store.Layers.Apply(new MemoryStream(TestTar.Write(write)), null, null);
    }

    private void MakeVictim()
    {
        MakeSubfolder("victim");
        File.WriteAllText(Folder + "/victim/secret", "secret");
    }

    private static TarEntry Attributed(string name, int size) =>
        new() { Name = "f", Kind = TarKind.File, Attributes = [new TarAttribute(name, new byte[size])] };

    private static TestCaseData Case(string name, Action<TarWriter> write, string reason) =>
        new TestCaseData(TestTar.Write(write), reason).SetArgDisplayNames(name);

    private static TestCaseData Bytes(string name, byte[] tar, Action<byte[]>? change, string reason)
    {
        change?.Invoke(tar);
        return new TestCaseData(tar, reason).SetArgDisplayNames(name);
    }

    private static void Patch(byte[] tar, TarHeader.Field field, ReadOnlySpan<byte> value)
    {
        value.CopyTo(tar.AsSpan(field.Offset, field.Size));
        var checksum = tar.AsSpan(TarHeader.Checksum.Offset, TarHeader.Checksum.Size);
        checksum.Fill((byte)' ');
        var sum = 0;
        foreach (var b in tar.AsSpan(0, TarHeader.Size)) sum += b;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(checksum);
    }

    private static string Record(string keyAndValue)
    {
        var length = keyAndValue.Length + 3;
        while ($"{length} {keyAndValue}\n".Length != length) length++;
        return $"{length} {keyAndValue}\n";
    }

    /// <summary>A tar of one file with these PAX records, whose content is a first block and a second one.</summary>
    private static byte[] Pax(string records, string content = "", string more = "")
    {
        var block = more.Length > 0 || records.Contains("major", StringComparison.Ordinal) ? content.PadRight(512, '\0') + more : content;
        return [.. Extended('x', Encoding.Latin1.GetBytes(records))[..^1024], .. TestTar.Of(("f", block))];
    }

    private static byte[] Extended(char type, ReadOnlySpan<byte> metadata)
    {
        var text = Encoding.Latin1.GetString(metadata);
        var tar = TestTar.Write(w =>
        {
            w.Begin(new TarEntry { Name = "extended", Kind = TarKind.File, Size = text.Length });
            w.Write(Encoding.Latin1.GetBytes(text));
        });
        Patch(tar, new TarHeader.Field(TarHeader.TypeOffset, 1), [(byte)type]);
        return type == 'x' ? tar : [.. tar[..^1024], .. TestTar.Of(("f", "x"))];
    }
}
