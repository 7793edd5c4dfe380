
namespace CrunSharp.Storage.Tests.Layers;

/// <summary>What the kernel's overlayfs leaves in an upper directory becomes a layer, and a layer is what overlayfs expects.</summary>
public class OverlayTests : TemporaryFolder
{
    [Test]
    public void What_a_step_changes_on_a_layer_is_the_next_layer()
    {
        using var store = OpenStore();
        var tar = TestTar.Of(("a/keep", "keep"), ("a/gone", "x"), ("b/old", "x"), ("c", "file"));
        var lower = store.Layers.Apply(new MemoryStream(tar), null, null);
        using var draft = store.Layers.Begin();
        Overlay(lower.Path, draft, "rm a/gone; rm -r b; mkdir b; echo new > b/new; rm c; mkdir c; ln -s x c/link; echo more >> a/keep");
        var layer = store.Layers.Commit(draft);

        var file = Folder + "/upper.tar";
        using (var output = File.OpenWrite(file)) store.Layers.WriteTar(layer, output);
        Assert.That(Shell.Run($"tar -tf {file}").Trim().Split('\n'), Is.EqualTo(new[]
        {
            "a/", "a/.wh.gone", "a/keep", "b/", "b/.wh..wh..opq", "b/new", "c/", "c/.wh..wh..opq", "c/link",
        }));

        // The same through another store, where both layers are unpacked from their tars.
        using var other = Store.Open(Folder + "/other");
        var base2 = other.Layers.Apply(new MemoryStream(tar), null, null);
        var layer2 = other.Layers.Apply(File.OpenRead(file), layer.DiffId, null);
        using var view = other.Layers.Begin();
        var seen = Overlay($"{layer2.Path}:{base2.Path}", view, "find . | sort; cat a/keep");
        Assert.That(seen.Trim().Split('\n'), Is.EqualTo(new[] { ".", "./a", "./a/keep", "./b", "./b/new", "./c", "./c/link", "keepmore" }));
    }

    private string Overlay(string lower, LayerDraft draft, string script)
    {
        var target = Folder + "/merged";
        Directory.CreateDirectory(target);
        var options = $"lowerdir={lower},upperdir={draft.Path},workdir={draft.WorkPath},redirect_dir=off,metacopy=off,index=off";
        return Shell.Run($"unshare -m sh -ec 'mount -t overlay overlay -o {options} {target}; cd {target}; {script}'");
    }
}
