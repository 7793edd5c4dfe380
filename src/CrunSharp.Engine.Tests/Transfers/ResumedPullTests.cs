using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Tests.Transfers;

/// <summary>What a pull that was killed or cut left of a layer, and what the next one makes of it.</summary>
public sealed class ResumedPullTests : PullFixture
{
    private Descriptor _layer = null!;

    private byte[] Bytes => Registry.Content[PathOf(_layer)].Bytes;

    private IEnumerable<int> Starts => Registry.Ranges.Where(r => r.Path == PathOf(_layer)).Select(static r => r.From);

    [SetUp]
    public void AddImage() => _layer = LayersOf(AddImage("1", layers: 1))[0];

    [Test]
    public async Task What_is_here_is_not_fetched_again([Values(70_000, 150_001)] int count)
    {
        Leave(Bytes[..count]);
        var pulled = await Pull("web:1");
        Assert.That(Starts, Is.EqualTo((int[])[count]));
        AssertWhole(pulled.Image.DiffIds[0]);
    }

    [Test]
    public async Task A_layer_that_is_here_as_a_whole_is_not_asked_for()
    {
        Leave(Bytes);
        AssertWhole((await Pull("web:1")).Image.DiffIds[0]);
        Assert.That(Starts, Is.Empty);
    }

    [Test]
    public async Task What_turns_out_to_be_wrong_is_fetched_anew([Values(0, 1, 2)] int how)
    {
        Leave(how switch
        {
            0 => [.. Bytes[..90_000].Select(static b => (byte)(b ^ 0x55))], // no gzip at all
            1 => [.. Bytes[..99_999], (byte)~Bytes[99_999]], // the digest tells
            _ => [.. Bytes[..^1], (byte)~Bytes[^1]], // as whole as after a power cut
        });
        AssertWhole((await Pull("web:1")).Image.DiffIds[0]);
        Assert.That(Starts, Is.EqualTo(how == 2 ? (int[])[0] : [how == 0 ? 90_000 : 100_000, 0]));
    }

    [Test]
    public async Task More_than_the_layer_has_is_of_no_use()
    {
        Leave([.. Bytes, 1]);
        AssertWhole((await Pull("web:1")).Image.DiffIds[0]);
        Assert.That(Starts, Is.EqualTo((int[])[0]));
    }

    [Test]
    public void A_server_that_lies_from_there_on_is_asked_once_more_and_then_refused()
    {
        Leave(Bytes[..80_000]);
        var wrong = Bytes.ToArray();
        wrong[^10] ^= 1;
        Registry.Content[PathOf(_layer)] = ("", wrong);
        Assert.That(Refusal("web:1"), Does.Contain(_layer.Digest.ToString()));
        Assert.That(Starts, Is.EqualTo((int[])[80_000, 0]));
        AssertNothingIsLeft();
    }

    [Test]
    public void What_is_here_stays_when_the_registry_does_not_have_the_layer_now()
    {
        Leave(Bytes[..80_000]);
        Registry.Content.TryRemove(PathOf(_layer), out _);
        Assert.That(Refusal("web:1"), Does.Contain("not found"));
        Assert.That(new FileInfo(PartialOf(_layer)).Length, Is.EqualTo(80_000));
    }

    [Test]
    public async Task What_others_left_is_swept_after_a_day_and_pruned_at_once()
    {
        await Pull("web:1");
        var files = Enumerable.Range(0, 3).Select(i => PartialOf(_layer with { Digest = Digest.Of([(byte)i]) })).ToArray();
        foreach (var file in files) await File.WriteAllBytesAsync(file, new byte[100_000]);
        await File.WriteAllBytesAsync(files[1], new byte[1000]); // not worth a request
        File.SetLastWriteTimeUtc(files[2], TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1.1));
        Store.Sweep();
        Assert.That(files.Where(File.Exists), Is.EqualTo((string[])[files[0]]));
        var claim = await Store.ClaimAsync(Digest.Of([0]), default);
        using (claim.Resume(200_000))
        {
            Assert.That(Storage.ImageRemoval.Prune(Store, false, null, static () => [], static () => []).Bytes, Is.Zero, "somebody fetches it");
        }
        claim.Dispose();
        Assert.That(Storage.ImageRemoval.Prune(Store, false, null, static () => [], static () => []).Bytes, Is.EqualTo(100_000));
        Assert.That(Directory.GetFileSystemEntries($"{Root}/tmp"), Is.Empty);
    }

    private void Leave(byte[] bytes)
    {
        Directory.CreateDirectory($"{Root}/tmp");
        File.WriteAllBytes(PartialOf(_layer), bytes);
    }

    private void AssertWhole(Digest diffId)
    {
        using var tar = new MemoryStream();
        Store.Layers.WriteTar(Store.Layers.Get(diffId), tar);
        Assert.Multiple(() =>
        {
            Assert.That(Digest.Of(tar.ToArray()), Is.EqualTo(diffId));
            Assert.That(Digest.Of(File.ReadAllBytes($"{Root}/blobs/sha256/{_layer.Digest.Hex}")), Is.EqualTo(_layer.Digest));
            Assert.That(Directory.GetFileSystemEntries($"{Root}/tmp"), Is.Empty);
        });
    }
}
