using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests;

public class StoreTests : TemporaryFolder
{
    [Test]
    public void A_draft_of_a_dead_process_is_swept_and_that_of_a_living_one_stays()
    {
        using var living = OpenStore();
        using var draft = living.Layers.Begin();
        // What a killed process leaves: a directory that nobody holds.
        var dead = Folder + "/store/tmp/dead";
        Directory.CreateDirectory(dead + "/layer/diff/deep");
        File.WriteAllText(dead + "/layer/diff/deep/file", "x");

        using var next = OpenStore();
        using var other = next.Layers.Begin();
        Assert.Multiple(() =>
        {
            Assert.That(Directory.Exists(dead), Is.False);
            Assert.That(Directory.Exists(draft.Path), Is.True);
        });
    }

    [Test]
    public void A_lock_on_a_draft_dies_with_its_process()
    {
        using (var store = OpenStore()) store.Sweep();
        var held = Folder + "/store/tmp/held";
        Directory.CreateDirectory(held + "/layer/diff");
        using var holder = Process.Start(new ProcessStartInfo("flock", [held, "sh", "-c", "echo ready; read x"])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        })!;
        holder.StandardOutput.ReadLine();
        using (var store = OpenStore()) Assert.That(store.Sweep(), Is.Zero);
        Shell.Run($"kill -9 $(cat /proc/{holder.Id}/task/{holder.Id}/children) {holder.Id}");
        holder.WaitForExit();
        using (var store = OpenStore()) Assert.That(() => store.Sweep(), Is.EqualTo(1).After(2000, 20));
    }

    [TestCase(1, false)]
    [TestCase(9_000_000, true)]
    public void A_layer_of_another_boot_is_trusted_when_it_was_synced(int size, bool early)
    {
        using var store = OpenStore();
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/f", new string('x', size));
        var layer = store.Layers.Commit(draft);
        if (early) store.BeginSync();
        var record = Folder + $"/store/layers/{layer.DiffId.Hex}/layer.json";
        Assert.That(File.ReadAllText(record), Does.Not.Contain("\"synced\":true"), "that it began is not enough");
        store.Sync();
        PretendReboot(record);
        Assert.That(store.Layers.TryGet(layer.DiffId), Is.Not.Null);
        File.WriteAllText(record, File.ReadAllText(record).Replace("\"synced\":true", "\"synced\":false"));
        Assert.That(store.Layers.TryGet(layer.DiffId), Is.Null, "it has no blob to be unpacked from");
    }

    [Test]
    public void A_layer_that_a_power_cut_tore_is_unpacked_again_from_its_blob()
    {
        var tar = TestTar.Of(("./f", "x"));
        Digest diffId;
        using (var store = OpenStore()) diffId = store.Layers.ApplyKeeping(new MemoryStream(tar), null).DiffId;
        var path = $"{Folder}/store/layers/{diffId.Hex}";
        PretendReboot(path + "/layer.json");
        File.WriteAllText(path + "/diff/f", "");
        using var later = OpenStore();
        Assert.That(File.ReadAllText(later.Layers.Get(diffId).Path + "/f"), Is.EqualTo("x"));
        Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
    }

    [Test]
    public void A_torn_layer_without_a_blob_makes_way_for_a_new_one()
    {
        Layer Make(Store store)
        {
            using var draft = store.Layers.Begin();
            File.WriteAllText(draft.Path + "/f", "x");
            FileAt.SetTime(null, draft.Path + "/f", new FileTime(1, 0));
            return store.Layers.Commit(draft);
        }
        Digest diffId;
        using (var store = OpenStore()) diffId = Make(store).DiffId;
        PretendReboot($"{Folder}/store/layers/{diffId.Hex}/layer.json");
        File.WriteAllText($"{Folder}/store/layers/{diffId.Hex}/diff/f", "torn");
        using var later = OpenStore();
        Assert.That(later.Layers.TryGet(diffId), Is.Null);
        Assert.That(File.ReadAllText(Make(later).Path + "/f"), Is.EqualTo("x"));
    }

    [Test]
    public void A_changed_blob_is_noticed_when_it_is_read()
    {
        using var store = OpenStore();
        var digest = store.Content.Add("content"u8);
        File.WriteAllText($"{Folder}/store/blobs/sha256/{digest.Hex}", "c0ntent");
        Assert.That(() => store.Content.Read(digest, 100), Throws.TypeOf<CrunException>().With.Message.Contains("was promised"));
    }

    [Test]
    public void A_changed_layer_is_noticed_when_its_tar_is_written()
    {
        using var store = OpenStore();
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/f", "x");
        var layer = store.Layers.Commit(draft);
        File.WriteAllText(layer.Path + "/f", "y");
        Assert.That(() => store.Layers.WriteTar(layer, Stream.Null), Throws.TypeOf<CrunException>().With.Message.Contains("was changed"));
    }

    [Test]
    public void The_store_is_closed_to_other_users()
    {
        using var store = OpenStore();
        store.Content.Add("x"u8);
        Assert.That(FileAt.Status(null, store.Root).Mode, Is.EqualTo(0x1c0));
    }

    [Test]
    public void A_name_that_is_whiteout_syntax_cannot_be_committed()
    {
        using var store = OpenStore();
        using var draft = store.Layers.Begin();
        File.WriteAllText(draft.Path + "/.wh.x", "");
        Assert.That(() => store.Layers.Commit(draft), Throws.TypeOf<CrunException>().With.Message.Contains(".wh."));
    }

    [Test]
    public void Several_processes_add_the_same_layer_at_once()
    {
        var tar = TestTar.Of(("f", new string('x', 100_000)));
        var layers = new Layer[8];
        Parallel.For(0, layers.Length, i =>
        {
            using var store = OpenStore();
            layers[i] = store.Layers.Apply(new MemoryStream(tar), null, null);
        });
        Assert.That(layers.Select(l => l.DiffId).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(Folder + "/store/layers"), Has.Length.EqualTo(1));
    }

    private static void PretendReboot(string record)
    {
        var text = File.ReadAllText(record);
        var at = text.IndexOf("\"bootId\":\"", StringComparison.Ordinal) + "\"bootId\":\"".Length;
        File.WriteAllText(record, text[..at] + "00000000" + text[(at + 8)..]);
    }
}
