using CrunSharp.Build.Cache;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Tests.Cache;

public class BuildCacheTests
{
    private const string Dockerfile = """
        FROM base
        RUN echo first > /1
        COPY src /src
        RUN cat /src/a > /2
        WORKDIR /w
        RUN echo last > 3
        """;

    private BuildFixture _build = null!;

    [SetUp]
    public void Make()
    {
        _build = new BuildFixture();
        _build.Write("src/a", "content a");
        _build.Write("src/d/b", "content b");
    }

    [TearDown]
    public void Remove() => _build.Dispose();

    [Test]
    public void The_same_build_again_does_nothing_and_gives_the_same_image()
    {
        var first = _build.Build(Dockerfile);
        var second = _build.Build(Dockerfile);
        Assert.That((second.Steps, second.Cached), Is.EqualTo((5, 5)));
        Assert.That(second.ImageId, Is.EqualTo(first.ImageId));
        Assert.That(_build.Runner.Ran, Is.Empty);
        Assert.That(_build.Progress.Steps, Is.EqualTo("""
            cached [2/6] RUN echo first > /1
            cached [3/6] COPY src /src
            cached [4/6] RUN cat /src/a > /2
            cached [5/6] WORKDIR /w
            cached [6/6] RUN echo last > 3
            """));
    }

    [Test]
    public void Times_of_files_do_not_matter()
    {
        _build.Build(Dockerfile);
        foreach (var file in Directory.GetFiles(_build.Context, "*", SearchOption.AllDirectories)) File.SetLastWriteTimeUtc(file, new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.WriteAllText(Path.Combine(_build.Context, "src/a"), "content a");
        Assert.That(_build.Build(Dockerfile).Cached, Is.EqualTo(5));
    }

    [Test]
    public void A_copy_of_the_context_elsewhere_hits_as_a_clone_would()
    {
        _build.Build(Dockerfile);
        var copy = Path.Combine(_build.Outside, "clone");
        Directory.CreateDirectory(Path.Combine(copy, "src/d"));
        File.WriteAllText(Path.Combine(copy, "src/d/b"), "content b");
        File.WriteAllText(Path.Combine(copy, "src/a"), "content a");
        Assert.That(_build.Build(Dockerfile, request => request with { ContextDirectory = copy }).Cached, Is.EqualTo(5));
    }

    [Test]
    public void An_edited_file_misses_from_its_step_on()
    {
        _build.Build(Dockerfile);
        _build.Write("src/a", "content A");
        var result = _build.Build(Dockerfile);
        Assert.That(result.Cached, Is.EqualTo(1));
        Assert.That(_build.Progress.Events, Has.Some.EqualTo("cached [2/6] RUN echo first > /1").And.Some.EqualTo("finished [3/6] COPY src /src"));
        Assert.That(_build.Tree(result), Does.Contain("/2 644 0:0 content A"));
    }

    [TestCase("mode")]
    [TestCase("name")]
    [TestCase("new")]
    [TestCase("link")]
    [TestCase("attribute")]
    public void What_else_changes_of_a_file_misses(string what)
    {
        var file = Path.Combine(_build.Context, "src/a");
        File.CreateSymbolicLink(Path.Combine(_build.Context, "src/l"), "a");
        _build.Build(Dockerfile);
        switch (what)
        {
            case "mode": File.SetUnixFileMode(file, UnixFileMode.UserRead); break;
            case "name": File.Copy(file, file + "2"); File.Delete(Path.Combine(_build.Context, "src/d/b")); break;
            case "new": Directory.CreateDirectory(Path.Combine(_build.Context, "src/empty")); break;
            case "link":
                File.Delete(Path.Combine(_build.Context, "src/l"));
                File.CreateSymbolicLink(Path.Combine(_build.Context, "src/l"), "d/b");
                break;
            default:
                using (var directory = FileAt.OpenDirectory(Path.Combine(_build.Context, "src"))) ExtendedAttributes.Set(directory, "a", "user.note", "x"u8);
                break;
        }
        Assert.That(_build.Build(Dockerfile).Cached, Is.EqualTo(1));
    }

    [Test]
    public void A_file_outside_of_what_is_copied_does_not_matter()
    {
        _build.Build(Dockerfile);
        _build.Write("other", "x");
        Assert.That(_build.Build(Dockerfile).Cached, Is.EqualTo(5));
    }

    [Test]
    public void An_ignored_file_does_not_matter()
    {
        _build.Write(".dockerignore", "**/*.log\n");
        _build.Build(Dockerfile);
        _build.Write("src/x.log", "x");
        Assert.That(_build.Build(Dockerfile).Cached, Is.EqualTo(5));
    }

    [Test]
    public void A_parent_that_was_done_again_with_the_same_result_still_hits()
    {
        _build.Build("FROM base\nRUN touch -d @0 /x /\nRUN echo second > /2\n");
        _build.Build("FROM base\nRUN touch -d @0 /x / # again\nRUN echo second > /2\n");
        Assert.That(_build.Progress.Steps, Is.EqualTo("""
            started [2/3] RUN touch -d @0 /x / # again
            finished [2/3] RUN touch -d @0 /x / # again
            cached [3/3] RUN echo second > /2
            """));
    }

    [Test]
    public void An_argument_matters_only_from_its_place_on()
    {
        const string dockerfile = "FROM base\nRUN echo 1 > /1\nCOPY src/a /a\nARG V\nCOPY src/d /d\nRUN echo $V > /2\n";
        BuildResult With(string value) => _build.Build(dockerfile, request => request with { BuildArgs = new Dictionary<string, string?> { ["V"] = value } });
        With("1");
        Assert.That(With("2").Cached, Is.EqualTo(3));
        Assert.That(With("1").Cached, Is.EqualTo(4));
    }

    [Test]
    public void Metadata_costs_no_layer_and_invalidates_nothing_that_does_not_see_it()
    {
        _build.Build("FROM base\nLABEL a=1\nRUN echo 1 > /1\n");
        var result = _build.Build("FROM base\nLABEL a=2\nEXPOSE 80\nCMD x\nRUN echo 1 > /1\n");
        Assert.That(result.Cached, Is.EqualTo(1));
        Assert.That(_build.Build("FROM base\nENV seen=1\nRUN echo 1 > /1\n").Cached, Is.Zero);
    }

    [Test]
    public void Proxies_are_in_no_key_and_no_history()
    {
        const string dockerfile = "FROM base\nRUN echo $https_proxy > /1\n";
        _build.Build(dockerfile, request => request with { BuildArgs = new Dictionary<string, string?> { ["HTTPS_PROXY"] = "http://one" } });
        var result = _build.Build(dockerfile, request => request with { BuildArgs = new Dictionary<string, string?> { ["HTTPS_PROXY"] = "http://two" } });
        Assert.That(result.Cached, Is.EqualTo(1));
        Assert.That(_build.Config(result).History!.Select(static h => h.CreatedBy), Has.None.Contains("http:"));
    }

    [Test]
    public void Nothing_hits_when_no_cache_is_wanted()
    {
        _build.Build(Dockerfile);
        Assert.That(_build.Build(Dockerfile, request => request with { NoCache = true }).Cached, Is.Zero);
    }

    [Test]
    public void A_layer_that_is_gone_is_made_again()
    {
        var first = _build.Build("FROM base\nRUN echo 1 > /1\n");
        var layer = _build.Store.Images.Resolve(first.ImageId.ToString()).GetLayers()[1];
        FileAt.RemoveTree(null, Path.GetDirectoryName(layer.Path)!);
        Assert.That(_build.Build("FROM base\nRUN echo 1 > /1\n").Cached, Is.Zero);
    }

    [Test]
    public void A_damaged_record_is_a_miss()
    {
        _build.Build("FROM base\nRUN echo 1 > /1\n");
        foreach (var file in Directory.GetFiles(Path.Combine(_build.Store.Root, "cache"), "*", SearchOption.AllDirectories)) File.WriteAllText(file, "{\"diffId\":1");
        Assert.That(_build.Build("FROM base\nRUN echo 1 > /1\n").Cached, Is.Zero);
    }

    [Test]
    public void Files_of_a_stage_hit_by_their_content()
    {
        const string dockerfile = "FROM base AS b\nRUN echo {0}; echo same > /out\nFROM base\nCOPY --from=b /out /out\nRUN cat /out\n";
        _build.Build(dockerfile.Replace("{0}", "one", StringComparison.Ordinal));
        var result = _build.Build(dockerfile.Replace("{0}", "two", StringComparison.Ordinal));
        Assert.That((result.Steps, result.Cached), Is.EqualTo((3, 2)));
    }

    [Test]
    public void A_linked_layer_hits_whatever_is_beneath_it()
    {
        const string dockerfile = "FROM base\nRUN echo {0} > /1\nCOPY --link src /src\nCOPY --link=true src/a /a\nRUN cat /src/a\n";
        var first = _build.Build(dockerfile.Replace("{0}", "one", StringComparison.Ordinal));
        var second = _build.Build(dockerfile.Replace("{0}", "two", StringComparison.Ordinal));
        Assert.That((second.Steps, second.Cached), Is.EqualTo((4, 2)));
        Assert.That(_build.Config(second).Rootfs.DiffIds.Skip(2).Take(2), Is.EqualTo(_build.Config(first).Rootfs.DiffIds.Skip(2).Take(2)));
        // Without --link it is another step, and only the linked one after it hits.
        Assert.That(_build.Build(dockerfile.Replace("{0}", "two", StringComparison.Ordinal).Replace(" --link ", " ", StringComparison.Ordinal)).Cached, Is.EqualTo(2));
        _build.Write("src/a", "other");
        Assert.That(_build.Build(dockerfile.Replace("{0}", "three", StringComparison.Ordinal)).Cached, Is.Zero);
    }

    [Test]
    public void Only_what_parents_selects_matters()
    {
        const string dockerfile = "FROM base\nCOPY --parents src/d/* /\n";
        _build.Build(dockerfile);
        _build.Write("src/a", "other");
        Assert.That(_build.Build(dockerfile).Cached, Is.EqualTo(1));
        File.SetUnixFileMode(Path.Combine(_build.Context, "src/d"), (UnixFileMode)0x1c0);
        Assert.That(_build.Build(dockerfile).Cached, Is.Zero, "the mode of a directory that is kept");
        _build.Write("src/d/b", "other");
        Assert.That(_build.Build(dockerfile).Cached, Is.Zero);
    }

    [TestCase("u=rwX,go=rX")]
    [TestCase("755")]
    public void What_permissions_come_out_matters_and_not_what_they_were(string mode)
    {
        var dockerfile = $"FROM base\nCOPY --chmod={mode} src /src\n";
        var file = Path.Combine(_build.Context, "src/a");
        _build.Build(dockerfile);
        File.SetUnixFileMode(file, (UnixFileMode)0x180);
        Assert.That(_build.Build(dockerfile).Cached, Is.EqualTo(1));
        File.SetUnixFileMode(file, (UnixFileMode)0x1c0);
        Assert.That(_build.Build(dockerfile).Cached, Is.EqualTo(mode == "755" ? 1 : 0));
    }

    [Test]
    public void A_file_that_did_not_change_is_not_read_again()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_build.Outside, "index")).FullName;
        using var handle = FileAt.OpenDirectory(folder);
        var path = Path.Combine(_build.Context, "src/a");
        ContentHash Hash(ContextIndex index)
        {
            using var file = FileAt.Open(null, path, Kernel.Libc.OpenFlags.O_RDONLY);
            return index.TryGet(PathKey.Of("src/a"), FileAt.Status(file))?.Content ?? index.Hash(PathKey.Of("src/a"), "src/a", file);
        }

        var recent = ContextIndex.Open(handle, "t", TimeProvider.System);
        Hash(recent);
        recent.Save();
        var again = ContextIndex.Open(handle, "t", TimeProvider.System);
        Hash(again);
        Assert.That(again.Hashed, Is.EqualTo(1), "a file that changed just now may change again unseen");

        var later = new Later();
        var first = ContextIndex.Open(handle, "t", later);
        var digest = Hash(first);
        first.Save();
        var second = ContextIndex.Open(handle, "t", later);
        Assert.That(Hash(second), Is.EqualTo(digest));
        Assert.That(second.Hashed, Is.Zero);

        File.WriteAllText(path, "content A");
        Assert.That(Hash(second), Is.Not.EqualTo(digest));

        File.WriteAllText(path, "content B");
        var written = ContextIndex.Open(handle, "t", later);
        Hash(written);
        written.Save();
        var file = Directory.GetFiles(folder).Single();
        var bytes = File.ReadAllBytes(file);
        bytes[^20] ^= 1;
        File.WriteAllBytes(file, bytes);
        var damaged = ContextIndex.Open(handle, "t", later);
        Hash(damaged);
        Assert.That(damaged.Hashed, Is.EqualTo(1), "a damaged index is not believed");
    }

    private sealed class Later : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddSeconds(10);
    }
}
