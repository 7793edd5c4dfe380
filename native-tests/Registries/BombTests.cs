using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Registries;

/// <summary>What is small and unpacks to much: whatever brings it, there is a limit with a clear error, and nothing is left of it.</summary>
public sealed class BombTests : NativeTest
{
    private const string Limit = "CRUN_SHARP_LAYER_LIMITS";
    private TestRegistry _registry = null!;

    private string Name => $"{_registry.Host}/bomb";

    [OneTimeSetUp]
    public void MakeBombs()
    {
        _registry = new TestRegistry(World, 5141);
        World.Shell($$"""
            set -e
            truncate -s 100M zeros && tar -cf bomb.tar zeros && gzip -1k bomb.tar
            mkdir context && printf 'FROM scratch\nADD bomb.tar.gz /\n' > context/Dockerfile && cp bomb.tar.gz context
            printf 'FROM scratch\nCOPY zeros /\n' > Dockerfile && tar -czf context.tgz Dockerfile zeros
            $C import bomb.tar {{Name}} && $C push -q {{Name}}
            $C save -o saved.tar {{Name}} && gzip -1k saved.tar
            skopeo --insecure-policy --tmpdir {{World.Files}} copy -q docker-archive:saved.tar oci-archive:saved.oci:bomb
            $C rmi {{Name}} && rm zeros bomb.tar
            """).Succeeded();
    }

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [TestCase("pull NAME", "layer sha256:")]
    [TestCase("run --rm NAME x", "layer sha256:", 125)]
    [TestCase("load -i saved.tar.gz", "load: it ")]
    [TestCase("load -i saved.tar", "layer sha256:")]
    [TestCase("load -i saved.oci", "layer sha256:")]
    [TestCase("import bomb.tar.gz made", "it ")]
    [TestCase("build context", "bomb.tar.gz")]
    [TestCase("build - < context.tgz", "it ")]
    public void A_bomb_is_refused_at_the_limit_and_nothing_is_left(string command, string where, int code = 1)
    {
        var before = Stored();
        var line = $"$C {command.Replace("NAME", Name, StringComparison.Ordinal)}";
        foreach (var (limit, error) in ((string, string)[])[("bytes=50m", "it unpacks to more than 52428800 bytes, which is the limit (CRUN_SHARP_LAYER_LIMITS=bytes=SIZE sets another)"),
            ("entries=0", "it has more than 0 entries, which is the limit (CRUN_SHARP_LAYER_LIMITS=entries=NUMBER sets another)")])
        {
            if (limit.StartsWith('e') && command.Contains("tar.gz", StringComparison.Ordinal) && command.StartsWith("load", StringComparison.Ordinal)) continue;
            var refused = World.Shell($"{Limit}={limit} {line}");
            Assert.That(refused.Code, Is.EqualTo(code), () => refused.ToString());
            Assert.That(refused.Err, Does.Contain(where).And.Contain(error));
            Assert.That(Stored(), Is.EqualTo(before));
        }
    }

    [TestCase("pull NAME")]
    [TestCase("load -i saved.tar.gz")]
    [TestCase("load -i saved.oci")]
    [TestCase("import bomb.tar.gz made")]
    public void With_a_higher_limit_it_is_taken(string command)
    {
        World.Shell($"{Limit}=bytes=200m,ratio=5000 $C {command.Replace("NAME", Name, StringComparison.Ordinal)}").Succeeded();
        Run("rmi", "-f", Run("images", "-q", "--no-trunc").Succeeded().Lines.First(id => id != World.Inspect("busybox", "{{.Id}}"))).Succeeded();
    }

    [TestCase("bytes=x", "invalid size: 'x'")]
    [TestCase("size=5", "bytes=SIZE, entries=NUMBER or ratio=NUMBER is wanted")]
    [TestCase("5g", "bytes=SIZE, entries=NUMBER or ratio=NUMBER is wanted")]
    public void A_limit_that_is_none_is_refused(string limit, string error) =>
        World.Shell($"{Limit}={limit} $C images").Failed(1, $"$CRUN_SHARP_LAYER_LIMITS: \"{limit}\": {error}");

    // All names in the store, but for locks.
    private string Stored() => World.Shell($"cd {World.Root} && find blobs layers images names tmp -mindepth 1 -maxdepth 2 ! -name '.*' | sort").Succeeded().Out;
}
