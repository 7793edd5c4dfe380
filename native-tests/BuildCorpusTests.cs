using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>The Dockerfiles of cases/dockerfiles: the same images as BuildKit's, the classic builder's and buildah's.</summary>
public sealed class BuildCorpusTests : NativeTest
{
    private const string Ours = "ours";
    private const string BuildKit = "BuildKit";
    private const string Classic = "classic";
    private const string BuildahName = "buildah";

    // Two at a time: DIR/NAME.log has what a build wrote, and ends with its exit code.
    private const string BuildAll = """
        one() {
          log=$DIR/$1.log
          {
            if [ -e contexts/$1/base ]; then build localhost/base-$1 -f contexts/$1/base/Dockerfile contexts/$1/base; fi &&
              eval "build localhost/out-$1 $(cat contexts/$1.options) contexts/$1"
            echo $?
          } > $log 2>&1
        }
        for name in $names; do
          one $name &
          while [ $(jobs -r | wc -l) -ge 2 ]; do wait -n; done
        done
        wait
        built=$(for name in $names; do [ "$(tail -n 1 $DIR/$name.log)" != 0 ] || echo localhost/out-$name:latest; done)

        """;

    private readonly Dictionary<string, Dictionary<string, SavedImage>> _images = [];

    private static IEnumerable<TestCaseData> Cases(string peer, bool refused) =>
        DockerfileCase.All.Where(one => one.Refused is not null == refused && (peer == BuildKit || DockerfileCase.Also.Contains(one.Name))).Select(one => new TestCaseData(one, peer).SetName($"{peer}_{(refused ? "refuses_as_we_do" : "makes_the_same")}_of_{one.Name}"));

    private static IEnumerable<TestCaseData> Built => [.. Cases(BuildKit, false), .. Cases(Classic, false), .. Cases(BuildahName, false)];

    private static IEnumerable<TestCaseData> Refused => Cases(BuildKit, true);

    // Everything is built before the first test: no daemon is left then.
    protected override void Prepare()
    {
        foreach (var (program, package) in (ReadOnlySpan<(string, string)>)[("/usr/sbin/dockerd", "docker.io"), ("/usr/bin/buildah", "buildah"), ("/usr/sbin/setcap", "libcap2-bin"), ("/usr/bin/bzip2", "bzip2")])
            if (!File.Exists(program) && !File.Exists(program.Replace("/usr", "", StringComparison.Ordinal))) Assert.Ignore($"Debian's package {package} is not installed: ./build.sh native-test does it");
        World.Shell($$"""
            set -e
            for directory in {{DockerfileCase.Folder}}/*/; do
              name=$(basename $directory)
              mkdir -p contexts/$name
              echo $name >> names
              cd contexts/$name
              bash -e $directory/../context.sh
              [ ! -e $directory/context.sh ] || bash -e $directory/context.sh
              find . -exec touch -h -d 2021-02-03T04:05:06Z {} +
              cp $directory/Dockerfile .
              [ ! -e $directory/dockerignore ] || cp $directory/dockerignore .dockerignore
              [ ! -e $directory/base ] || { mkdir base; cp $directory/base base/Dockerfile; }
              cd ../..
              cat $directory/options > contexts/$name.options 2>/dev/null || true
            done
            """).Succeeded();
        DockerArchive.Write(World.Files + "/box.tar", "localhost/box", static tar =>
        {
            BusyboxImage.Write(tar);
            BusyboxImage.AddMountPoints(tar);
        }, System.Text.Json.Nodes.JsonNode.Parse("""{ "Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"] }""")!.AsObject());
        BuildOurs();
        BuildWithDocker();
        BuildWithBuildah();
    }

    [TestCaseSource(nameof(Built))]
    public void Peers_make_the_same(DockerfileCase one, string peer)
    {
        var known = DockerfileCase.Known.Where(known => known.IsOf(one.Name, peer)).ToList();
        Assert.That(_images[Ours].ContainsKey(Tag(one)), () => LogOf(one, Ours));
        if (!_images[peer].TryGetValue(Tag(one), out var theirs))
        {
            Assert.That(known.Select(static known => known.Text), Does.Contain("refuses"), () => LogOf(one, peer));
            return;
        }
        var differences = Differences(peer, _images[Ours][Tag(one)], theirs);
        var unknown = differences.Where(line => !known.Exists(known => line.Contains(known.Text, StringComparison.Ordinal))).ToList();
        unknown.AddRange(known.Where(known => known.Case != "*" && !differences.Exists(line => line.Contains(known.Text, StringComparison.Ordinal))).Select(static unused => $"no such difference any more: {unused.Text}"));
        if (unknown.Count > 0) Assert.Fail(string.Join('\n', unknown));
    }

    [TestCaseSource(nameof(Refused))]
    public void Peers_refuse_the_same(DockerfileCase one, string peer)
    {
        Assert.That(LogOf(one, Ours), Does.Contain(one.Refused).And.Not.EndsWith("\n0\n"));
        var known = DockerfileCase.Known.Any(known => known.IsOf(one.Name, peer) && known.Text == "builds it");
        Assert.That(_images[peer].ContainsKey(Tag(one)), Is.EqualTo(known), () => LogOf(one, peer));
    }

    private static string Tag(DockerfileCase one) => $"localhost/out-{one.Name}:latest";

    private string LogOf(DockerfileCase one, string by) => File.ReadAllText($"{World.Files}/{by}/{one.Name}.log");

    private static List<string> Differences(string peer, SavedImage ours, SavedImage theirs)
    {
        var found = Compare("config", ConfigOf(ours, peer), ConfigOf(theirs, peer));
        if (peer == BuildKit) found.AddRange(Compare("history", HistoryOf(ours).Select(WithoutOwner), HistoryOf(theirs)));
        var (ourSteps, theirSteps) = (ours.Steps().ToList(), theirs.Steps().ToList());
        if (peer != BuildKit || ourSteps.Count != theirSteps.Count)
        {
            if (peer == BuildKit) found.Add($"{ourSteps.Count} layers, and theirs has {theirSteps.Count}");
            (ourSteps, theirSteps) = ([ourSteps[^1]], [theirSteps[^1]]);
        }
        var known = new HashSet<string>();
        for (var i = 0; i < ourSteps.Count; i++)
            found.AddRange(Compare(ourSteps.Count > 1 ? $"layer {i}" : "files", ourSteps[i].Lines().Values, theirSteps[i].Lines().Values).Where(line => known.Add(line[line.IndexOf(": ", StringComparison.Ordinal)..])));
        return found;
    }

    private static List<string> Compare(string what, IEnumerable<string> ours, IEnumerable<string> theirs)
    {
        var (left, right) = (ours.ToList(), theirs.ToList());
        // A directory into which something was put has the time of that with them, and keeps its own with us.
        right = [.. right.Select(line => IsDirectoryOfNow(line) && left.Find(other => IsSameDirectory(other, line)) is { } same ? same : line)];
        return [.. left.Except(right).Select(line => $"{what}: ours {line}"), .. right.Except(left).Select(line => $"{what}: theirs {line}")];
    }

    private static bool IsDirectoryOfNow(string line) => line.Contains(" directory ", StringComparison.Ordinal) && line.EndsWith(" now", StringComparison.Ordinal);

    private static bool IsSameDirectory(string ours, string theirs) => ours.StartsWith(theirs[..^"now".Length], StringComparison.Ordinal);

    // The first is a field of Windows that only BuildKit writes; the second a mark of buildah's.
    private static IEnumerable<string> ConfigOf(SavedImage image, string peer)
    {
        string[] without = peer == BuildKit ? ["Hostname", "Image"] : ["Hostname", "Image", "ArgsEscaped", "io.buildah.version"];
        foreach (var line in SortedJson.Of(image.Config.GetProperty("config").GetRawText(), without)) yield return line;
        foreach (var name in (string[])["author", "architecture", "os", "variant"])
            if (image.Config.TryGetProperty(name, out var value) && value.GetString() is { Length: > 0 } text) yield return $"{name} {text}";
    }

    // Which today's BuildKit writes down.
    private static string WithoutOwner(string line) => string.Join(' ', line.Split(' ').Where(static word => !word.StartsWith("--chown=", StringComparison.Ordinal)));

    private static IEnumerable<string> HistoryOf(SavedImage image) => image.Config.GetProperty("history").EnumerateArray().Select(static (entry, i) =>
        $"{i} {(entry.TryGetProperty("created_by", out var by) ? by.GetString() : "")}{(entry.TryGetProperty("empty_layer", out var empty) && empty.GetBoolean() ? " (no layer)" : "")}{(entry.TryGetProperty("comment", out var comment) ? $" ({comment})" : "")}");

    private void BuildOurs() => Build(Ours, """
        $C load -q -i box.tar >/dev/null
        build() { local name=$1; shift; timeout 60 $C build --progress plain --network none -t $name "$@"; }
        """, "$C save -o $DIR.tar $built", script => World.StartShell(script));

    private void BuildWithDocker()
    {
        using var docker = new Dockerd(World, Path.GetDirectoryName(World.Binary)!, "--storage-driver overlay2 --iptables=false --bridge=none");
        docker.Run("d load -q -i box.tar").Succeeded();
        foreach (var (name, isBuildKit) in (ReadOnlySpan<(string, int)>)[(BuildKit, 1), (Classic, 0)])
            Build(name, $$"""
                export DOCKER_BUILDKIT={{isBuildKit}} BUILDKIT_PROGRESS=plain
                d() { timeout 60 /usr/bin/docker -H unix:///run/docker.sock "$@"; }
                build() { local name=$1; shift; d build --network none -t $name "$@"; }
                """, "d save -o $DIR.tar $built", script => World.StartShell(script));
    }

    private void BuildWithBuildah()
    {
        using var buildah = new Buildah(World);
        Build(BuildahName, """
            buildah pull -q docker-archive:box.tar >/dev/null
            build() { local name=$1; shift; buildah bud --format docker --isolation chroot --pull-never -t $name "$@"; }
            """, """
            mkdir -p $DIR.saved
            for image in $built; do
              name=${image#*/out-}
              buildah push -q $image docker-archive:$DIR.saved/${name%:latest}.tar:$image &
              while [ $(jobs -r | wc -l) -ge 2 ]; do wait -n; done
            done
            wait
            """, script => buildah.Start(script));
    }

    private void Build(string name, string prepare, string save, Func<string, Session> start)
    {
        // Not by their file: buildah's world has another /var/tmp, where the repository may be.
        var names = name is Ours or BuildKit ? "$(cat names)" : string.Join(' ', DockerfileCase.Also);
        using (var session = start($"set -e\nDIR={name}\nnames=\"{names}\"\nmkdir -p $DIR\n{prepare}\nset +e\n{BuildAll}\nset -e\n{save}"))
        {
            session.EndInput();
            session.Wait(300_000).Succeeded();
        }
        _images[name] = [];
        foreach (var archive in Directory.Exists($"{World.Files}/{name}.saved") ? Directory.GetFiles($"{World.Files}/{name}.saved") : [$"{World.Files}/{name}.tar"])
            foreach (var (tag, image) in SavedImage.ReadAll(archive)) _images[name][tag] = image;
    }
}
