using System.Diagnostics;
using System.Text;
using CrunSharp.Engine.Containers;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Tests.Containers;

/// <summary>What a power cut can leave: records that are empty, cut or of zeros.</summary>
[TestFixture]
public class DamagedRecordTests
{
    private static readonly string[] Damages = ["", "{", "null", "{\"id\":\"x\"}", "\0\0\0\0\0\0\0\0", "[1,2", "no json"];

    private string _path = "";
    private ContainerEngine _engine = null!;

    [SetUp]
    public void MakeEngine()
    {
        _path = Directory.CreateTempSubdirectory("crun-sharp-damage-").FullName;
        _engine = new ContainerEngine(new EnginePaths { Root = $"{_path}/root", RunRoot = $"{_path}/run" }, TimeProvider.System);
    }

    [TearDown]
    public void RemoveAll() => FileAt.RemoveTree(null, _path);

    [TestCaseSource(nameof(Damages))]
    public void A_container_with_a_damaged_record_is_listed_as_dead_beside_the_others(string damage)
    {
        var whole = Make("whole");
        var damaged = Make("damaged");
        File.WriteAllText($"{damaged.Path}/container.json", damage);
        _engine.Tidy();
        var found = _engine.Containers.List();
        Assert.That(found.Select(static c => c.Id), Is.EquivalentTo(new[] { whole.Id, damaged.Id }));
        var dead = found.Single(c => c.Id == damaged.Id);
        Assert.Multiple(() =>
        {
            Assert.That(dead.State.Status, Is.EqualTo(ContainerStatus.Dead));
            Assert.That(dead.Config.Name, Is.EqualTo("damaged"));
            Assert.That(DateTimeOffset.Parse(dead.Config.Created), Is.EqualTo(DateTimeOffset.UnixEpoch).Or.GreaterThan(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero)));
            Assert.That(found.Single(c => c.Id == whole.Id).State.Status, Is.EqualTo(ContainerStatus.Created));
        });
    }

    [TestCaseSource(nameof(Damages))]
    public void A_container_with_a_damaged_record_can_be_removed_and_nothing_else(string damage)
    {
        var damaged = Make("damaged");
        File.WriteAllText($"{damaged.Path}/container.json", damage);
        var found = _engine.Containers.Find("damaged");
        Assert.That(() => _engine.Start(found), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Integrity)
            .And.Message.StartsWith($"container {damaged.ShortId} can only be removed: read {damaged.Path}/container.json: the record is"));
        _engine.Remove(found, force: true, withVolumes: true);
        Assert.That(_engine.Containers.List(), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries($"{_path}/root/containers").Select(Path.GetFileName), Is.EqualTo(new[] { ".names" }));
        Make("damaged");
    }

    [TestCaseSource(nameof(Damages))]
    public void A_container_with_a_damaged_state_has_ended_nobody_knows_how(string damage)
    {
        var container = Make("one");
        File.WriteAllText($"{container.Path}/state.json", damage);
        _engine.Tidy();
        var found = _engine.Containers.List().Single();
        Assert.That((found.State.Status, found.State.ExitCode), Is.EqualTo((ContainerStatus.Exited, 255)));
        Assert.That(found.State.Error, Does.Contain("state.json"));
        _engine.Stop(found);
        _engine.Remove(found);
        Assert.That(_engine.Containers.List(), Is.Empty);
    }

    [Test]
    public void A_name_whose_file_is_damaged_is_free()
    {
        var first = Make("one");
        File.WriteAllText($"{_path}/root/containers/.names/one", "");
        var second = Make("one");
        Assert.That(_engine.Containers.Find("one").Id, Is.EqualTo(second.Id));
        _engine.Remove(_engine.Containers.Find(first.Id));
        Assert.That(_engine.Containers.Find("one").Id, Is.EqualTo(second.Id));
    }

    [Test]
    public void What_a_killed_removal_left_is_swept_and_what_somebody_is_removing_is_not()
    {
        var container = Make("one");
        var trash = $"{_path}/root/containers/.{container.Id}.removed";
        Directory.Move(container.Path, trash);
        using (FileLock.TryExisting(null, trash, shared: false, wait: false))
        {
            _engine.Tidy();
            Assert.That(Directory.Exists(trash));
        }
        _engine.Tidy();
        Assert.That(Directory.Exists(trash), Is.False);
    }

    [Test]
    public void A_container_whose_starter_was_killed_is_removed_and_one_whose_starter_lives_stays()
    {
        var abandoned = Make("abandoned", isStarting: true);
        Make("starting", isStarting: true);
        Make("made");
        abandoned.Starter!.Dispose();
        _engine.Tidy();
        Assert.That(_engine.Containers.List().Select(static c => c.Config.Name), Is.EquivalentTo(new[] { "starting", "made" }));
    }

    [TestCaseSource(nameof(Damages))]
    public void A_volume_with_a_damaged_record_is_still_there(string damage)
    {
        _engine.Volumes.Create("other");
        _engine.Volumes.Create("data");
        File.WriteAllText($"{_engine.Volumes.DataOf("data")}/file", "x");
        File.WriteAllText($"{_path}/root/volumes/data/volume.json", damage);
        Assert.That(_engine.Volumes.List().Select(static v => v.Name), Is.EqualTo(new[] { "data", "other" }));
        Assert.That(_engine.Volumes.Create("data").IsAnonymous, Is.False);
        Assert.That(File.ReadAllText($"{_engine.Volumes.DataOf("data")}/file"), Is.EqualTo("x"));
        _engine.Volumes.Remove("data");
    }

    [Test]
    public void A_volume_whose_removal_was_killed_is_gone_and_the_next_of_its_name_is_empty()
    {
        _engine.Volumes.Create("data");
        var file = $"{_engine.Volumes.DataOf("data")}/file";
        File.WriteAllText(file, "x");
        var volumes = $"{_path}/root/volumes";
        // What cannot be removed ends the removal in its middle.
        using var attribute = Process.Start("chattr", ["+i", file])!;
        attribute.WaitForExit();
        Assume.That(attribute.ExitCode, Is.Zero, "chattr");
        Assert.That(() => _engine.Volumes.Remove("data"), Throws.TypeOf<CrunException>());
        Assert.That(_engine.Volumes.TryFind("data"), Is.Null);
        _engine.Volumes.Create("data");
        Assert.That(Directory.GetFileSystemEntries(_engine.Volumes.DataOf("data")), Is.Empty);
        Assert.That(_engine.Volumes.List().Select(static v => v.Name), Is.EqualTo(new[] { "data" }));
        var trash = Directory.GetDirectories(volumes, ".*.removed").Single();
        Process.Start("chattr", ["-i", $"{trash}/_data/file"])!.WaitForExit();
        using (FileLock.TryExisting(null, trash, shared: false, wait: false))
        {
            _engine.Volumes.List();
            Assert.That(Directory.Exists(trash), "somebody removes it");
        }
        _engine.Volumes.List();
        Assert.That(Directory.GetDirectories(volumes).Select(Path.GetFileName), Is.EqualTo(new[] { "data" }));
    }

    private Container Make(string name, bool isStarting = false) => _engine.Containers.Create(new ContainerConfig
    {
        Id = KernelRandom.Hex(32),
        Name = name,
        Created = "2026-01-01T00:00:00Z",
        Image = "busybox",
        ImageId = "sha256:0",
        Layers = [],
        Env = [Encoding.UTF8.GetString([.. "A="u8, 0xc3, 0xbc])],
        Host = new HostOptions { Network = "none" },
    }, isStarting);
}
