using System.Text.Json;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build --cache-to</c> and <c>--cache-from</c>: a second store stands for another host.</summary>
public sealed class BuildCacheTransferTests : BuildTest
{
    private const string Dockerfile = """
        FROM busybox AS tools
        RUN head -c 20 /dev/urandom > /tool
        FROM busybox
        RUN head -c 20 /dev/urandom > /first
        COPY dir /dir
        COPY --from=tools /tool /tool
        WORKDIR /work
        RUN head -c 20 /dev/urandom > /last && cat /dir/a
        """;

    private int _stores;
    private string _context = "";

    private string Cache => $"{World.Files}/cache";

    protected override void Prepare()
    {
        _context = Context(Dockerfile, ("dir/a", "a"));
        Run("save", "-o", "base.tar", "busybox").Succeeded();
    }

    [SetUp]
    public void Forget() => World.Shell($"rm -rf {Cache}; mkdir -p {Cache}; $C rmi -f out >/dev/null 2>&1; $C builder prune -af >/dev/null; $C image prune -f > /dev/null").Succeeded();

    // On a host that has the base image, and nothing else.
    private Outcome Elsewhere(string options, string context)
    {
        var root = $"{World.Directory}/store{++_stores}";
        return World.Shell($"export CRUN_SHARP_ROOT={root}; $C load -q -i base.tar >/dev/null && $C build --progress plain -t out {options} {context} && $C inspect -f '{{{{.Id}}}}' out; code=$?; [ $code != 0 ] || $C system check >&2; $C builder prune -af > /dev/null; rm -rf {root}; exit $code");
    }

    private static string IdOf(Outcome build) => build.Lines[^1];

    private string HereId => World.Inspect("out", "{{.Id}}");

    [TestCase("")]
    [TestCase(",compression=zstd,compression-level=5")]
    [TestCase(",image-manifest=false")]
    [TestCase(",tag=mine")]
    public void All_is_known_elsewhere_by_a_directory(string attributes)
    {
        Build(_context, "--cache-to", $"type=local,dest={Cache},mode=max{attributes}").Succeeded();
        var other = Elsewhere($"--cache-from type=local,src={Cache}{(attributes.StartsWith(",tag", StringComparison.Ordinal) ? attributes : "")}", _context).Succeeded();
        Assert.That(Done(other), Is.Empty);
        Assert.That(IdOf(other), Is.EqualTo(HereId));
        Assert.That(other.Err, Does.Contain($"importing cache manifest from {Cache}"));
    }

    [TestCase("")]
    [TestCase(",compression=zstd")]
    public void All_is_known_elsewhere_by_a_registry(string attributes)
    {
        using var registry = new TestRegistry(World, 5131);
        Build(_context, "--cache-to", $"type=registry,ref={registry.Host}/team/cache:main,mode=max{attributes}").Succeeded();
        var other = Elsewhere($"--cache-from type=registry,ref={registry.Host}/team/cache:main", _context).Succeeded();
        Assert.That((Done(other), IdOf(other)), Is.EqualTo((Array.Empty<string>(), HereId)));
        var manifest = JsonDocument.Parse(registry.Ask("/v2/team/cache/manifests/main", "-H", "Accept: application/vnd.oci.image.manifest.v1+json").Out).RootElement;
        Assert.That(manifest.GetProperty("config").GetProperty("mediaType").GetString(), Is.EqualTo("application/vnd.buildkit.cacheconfig.v0"));
        // Only what hits is fetched.
        var changed = Context(Dockerfile.Replace("RUN head -c 20 /dev/urandom > /first", "RUN echo other > /first", StringComparison.Ordinal), ("dir/a", "a"));
        var before = registry.Requests.Count;
        var second = Elsewhere($"--cache-from {registry.Host}/team/cache:main", changed).Succeeded();
        Assert.That(Done(second), Has.Length.EqualTo(5), "all but the step of tools");
        Assert.That(registry.Requests.Skip(before).Count(static line => line.Contains("GET /v2/team/cache/blobs/", StringComparison.Ordinal)), Is.EqualTo(2), "the configuration and one layer");
        // Nothing is sent twice.
        before = registry.Requests.Count;
        Build(_context, "--cache-to", $"type=registry,ref={registry.Host}/team/cache:again,mode=max{attributes}").Succeeded();
        Assert.That(registry.UploadsSince(before), Is.Empty);
    }

    [Test]
    public void Cache_mounts_go_along()
    {
        var id = "mount-" + Guid.NewGuid().ToString("N")[..8];
        string With(string script) => Context($"FROM busybox\nRUN --mount=type=cache,id={id},target=/c {script}\n");
        Build(With("echo kept > /c/f; chown 5:6 /c/f; mkdir /c/d"), "--cache-to", $"type=local,dest={Cache},mounts={id}").Succeeded();
        var blobs = Directory.GetFiles($"{Cache}/blobs/sha256").Length;
        Build(With("true"), "--cache-to", $"type=local,dest={Cache},mounts=*").Succeeded();
        Assert.That(Directory.GetFiles($"{Cache}/blobs/sha256"), Has.Length.GreaterThanOrEqualTo(3));
        var other = Elsewhere($"--cache-from type=local,src={Cache}", With("cat /c/f; stat -c '%u:%g' /c/f; ls /c")).Succeeded();
        Assert.That(other.Err, Does.Match(@" kept\n").And.Match(@" 5:6\n").And.Contain($"fetch the cache {id}"));
        // One that is damaged is empty.
        World.Shell($"cd {Cache}/blobs/sha256; for f in *; do head -c1 $f | grep -q '{{' || printf x >> $f; done").Succeeded();
        other = Elsewhere($"--cache-from type=local,src={Cache}", With("ls -A /c | wc -l")).Succeeded();
        Assert.That(other.Err, Does.Match(@" 0\n").And.Contain($"ignored the cache {id}"));
        Run("cache", "rm", id).Succeeded();
    }

    [Test]
    public void The_least_are_the_steps_of_the_image()
    {
        Build(_context, "--cache-to", $"type=local,dest={Cache}").Succeeded();
        var other = Elsewhere($"--cache-from type=local,src={Cache}", _context).Succeeded();
        Assert.That(Done(other), Does.Contain("RUN head -c 20 /dev/urandom > /tool").And.None.Contains("/first"));
        Assert.That(Directory.GetFiles($"{Cache}/blobs/sha256"), Has.Length.EqualTo(5 + 2), "layers, configuration, manifest");
    }

    [Test]
    public void A_directory_does_not_grow_and_is_whole_when_its_writer_is_killed()
    {
        for (var i = 0; i < 3; i++)
        {
            Build(_context, "--no-cache", "--cache-to", $"type=local,dest={Cache},mode=max").Succeeded();
            Assert.That(Directory.GetFiles($"{Cache}/blobs/sha256"), Has.Length.EqualTo(6 + 2));
        }
        var id = HereId;
        for (var i = 0; i < 4; i++)
        {
            using var session = World.Start("build", "-q", "--no-cache", "--cache-to", $"type=local,dest={Cache},mode=max", _context);
            World.Await(() => session.HasEnded || Directory.GetFiles($"{Cache}/blobs/sha256").Length > 8 + i, "it writes", 60_000);
            session.Send(Signal.SIGKILL);
            session.Wait();
        }
        var other = Elsewhere($"--cache-from type=local,src={Cache}", _context).Succeeded();
        Assert.That(Done(other), Is.Empty);
        Build(_context, "--cache-to", $"type=local,dest={Cache},mode=max").Succeeded();
        Assert.That(Directory.GetFiles($"{Cache}/blobs/sha256"), Has.Length.EqualTo(6 + 2), "nothing is left");
        Build(_context, "--cache-to", $"type=local,dest={Cache},mode=max,tag=second", "--build-arg", "X=1").Succeeded();
        Elsewhere($"--cache-from type=local,src={Cache}", _context).Succeeded();
    }

    [Test]
    public void A_cache_that_is_broken_is_no_cache()
    {
        Build(_context, "--cache-to", $"type=local,dest={Cache},mode=max").Succeeded();
        var id = HereId;
        void Expect(string damage, int hits, string warning)
        {
            World.Shell($"rm -rf {World.Files}/bad; cp -r {Cache} {World.Files}/bad; cd {World.Files}/bad; {damage}").Succeeded();
            var other = Elsewhere($"--cache-from type=local,src={World.Files}/bad", _context).Succeeded();
            Assert.That(6 - Done(other).Length, Is.EqualTo(hits), () => damage + other);
            Assert.That(other.Err, Does.Contain(warning), damage);
        }
        Expect("rm index.json", 0, "ignored the cache");
        Expect("echo '{' > index.json", 0, "ignored the cache");
        Expect("for f in blobs/sha256/*; do printf x >> $f; done", 0, "ignored the cache");
        Expect("for f in blobs/sha256/*; do grep -q '\"records\"' $f && rm $f; done; true", 0, "ignored the cache");
        Expect("rm -r blobs; ln -s /etc blobs", 0, "ignored the cache");
        // The layers alone: each is a warning, and the step is done.
        Expect("for f in blobs/sha256/*; do head -c1 $f | grep -q '{' || printf x >> $f; done", 0, "ignored a layer of the cache");
        Expect("for f in blobs/sha256/*; do head -c1 $f | grep -q '{' || { rm $f; ln -s /etc/passwd $f; }; done", 0, "ignored a layer of the cache");
        // Whoever mixes up the layers of steps does not get through: the diffIDs do not fit.
        World.File("mix.py", """
            import json, hashlib, os, sys
            d = "blobs/sha256/"
            index = json.load(open("index.json")); manifest = json.load(open(d + index["manifests"][0]["digest"][7:]))
            config = json.load(open(d + manifest["config"]["digest"][7:]))
            notes = [l["annotations"]["diffID"] for l in config["layers"]]
            for l, n in zip(config["layers"], notes[1:] + notes[:1]): l["annotations"]["diffID"] = n
            for r in config["records"]:
                for i in r.get("layers", []): i["layer"] = i["layer"]
            def put(o):
                b = json.dumps(o).encode(); h = hashlib.sha256(b).hexdigest(); open(d + h, "wb").write(b); return "sha256:" + h, len(b)
            manifest["config"]["digest"], manifest["config"]["size"] = put(config)
            m = index["manifests"][0]; m["digest"], m["size"] = put(manifest); json.dump(index, open("index.json", "w"))
            """);
        Expect($"python3 {World.Files}/mix.py", 0, "ignored a layer of the cache");
        var none = Elsewhere("--cache-from type=registry,ref=127.0.0.1:1/none", _context).Succeeded();
        Assert.That(none.Err, Does.Contain("ignored the cache 127.0.0.1:1/none:latest"));
    }

    [TestCase("--cache-to type=gha", "caches of the type gha are not supported: local and registry are")]
    [TestCase("--cache-to type=inline", "caches of the type inline are not supported")]
    [TestCase("--cache-from type=s3,bucket=x", "unexpected key 'bucket'")]
    [TestCase("--cache-to type=local", "a cache of the type local needs dest=DIRECTORY")]
    [TestCase("--cache-to type=local,dest=/x,mode=some", "mode=some is not supported: min and max are")]
    [TestCase("--cache-to type=local,dest=/x,compression=estargz", "compression=estargz is not supported: gzip and zstd are")]
    [TestCase("--cache-to type=registry", "a cache of the type registry needs ref=NAME")]
    [TestCase("--cache-to type=registry,ref=x,mounts=*", "cache mounts go into a directory only")]
    public void What_cannot_be_is_said(string options, string message)
    {
        var build = World.Shell($"$C build -q '{string.Join("' '", options.Split(' '))}' {_context}");
        Assert.That(build.Code, Is.Not.Zero);
        Assert.That(build.Err, Does.Contain(message));
    }

    [Test]
    public void A_cache_that_cannot_be_written_is_an_error_unless_that_is_ignored()
    {
        World.File("file", "");
        var failed = Build(_context, "--cache-to", $"type=local,dest={World.Files}/file");
        Assert.That((failed.Code, failed.Err), Is.EqualTo((1, failed.Err)));
        Assert.That(failed.Err.TrimEnd('\n').Split('\n')[^1], Does.StartWith($"crun-sharp: export cache to {World.Files}/file: "));
        Assert.That(failed.Err, Does.Match($@"#(\d+) exporting cache to {World.Files}/file\n#\1 ERROR: ").And.Not.Match(@"exporting cache to .*\n#\d+ DONE"));
        Assert.That(Build(_context, "--cache-to", $"type=local,dest={World.Files}/file,ignore-error=true").Succeeded().Err, Does.Contain("ignored: export cache to"));
    }

    [Test]
    public void A_cache_directory_that_somebody_prepared_reaches_nothing_outside()
    {
        World.Shell("mkdir -p far/sha256 cache1 cache2/blobs cache3; ln -s ../far cache1/blobs; ln -s ../../far/sha256 cache2/blobs/sha256; echo 1 > far/sha256/$(printf a | sha256sum | cut -c1-64); mkfifo cache3/index.json").Succeeded();
        foreach (var cache in (string[])["cache1", "cache2"])
            Assert.That(Build(_context, "--cache-to", $"type=local,dest={World.Files}/{cache}").Err, Does.Contain("Too many levels of symbolic links").Or.Contain("Not a directory"));
        Assert.That(World.Shell("ls far/sha256 | wc -l").Line, Is.EqualTo("1"));
        Assert.That(Build(_context, "--no-cache", "--cache-from", $"type=local,src={World.Files}/cache3").Succeeded().Err, Does.Not.Contain("killed"));
        Assert.That(World.Shell($"timeout -k 1 20 $C builder prune -af; timeout -k 1 60 $C build --progress plain --cache-from type=local,src=cache3 {_context}").Succeeded().Err, Does.Contain("is no regular file"));
    }
}
