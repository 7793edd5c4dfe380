using System.Globalization;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Registries;

/// <summary>skopeo, podman, docker and umoci have the same images as we: through a registry and through archives, there and back.</summary>
public sealed class PeerExchangeTests : NativeTest
{
    private TestRegistry _registry = null!;
    private Session? _daemon;

    // What each peer does with the image $N of a registry, or with the archive $A.
    private string Peers => $$$"""
        set -eo pipefail
        podman() { command podman --root {{{World.Directory}}}/ps --runroot {{{World.Directory}}}/pr --tmpdir {{{World.Directory}}}/pt --network-config-dir {{{World.Directory}}}/pn --events-backend none --storage-driver vfs --cgroup-manager cgroupfs "$@"; }
        docker() { timeout 100 /usr/bin/docker -H unix:///run/docker.sock "$@"; }
        skopeo() { command skopeo --insecure-policy --tmpdir {{{World.Files}}} "$@"; }
        umoci() { command umoci "$@" > /dev/null 2>umoci.err || { cat umoci.err >&2; return 1; }; }

        podman_pull() { podman pull -q --tls-verify=false $N > /dev/null; echo sha256:$(podman image inspect --format '{{.Id}} {{.Digest}}' $N); }
        podman_push() { podman tag $1 $N; podman push -q --tls-verify=false $N; }
        podman_load() { podman load -q -i $A > /dev/null; echo sha256:$(podman image inspect --format '{{.Id}}' $1); }
        podman_save() { podman save -q --format $2 -o $A $1; }
        podman_clear() { podman rmi -fa > /dev/null 2>&1 || true; }

        docker_pull() { docker pull -q $N > /dev/null; docker image inspect --format '{{.Id}} {{index .RepoDigests 0}}' $N | sed 's/ .*@/ /'; }
        docker_push() { docker tag $1 $N; docker push -q $N > /dev/null; }
        docker_load() { docker load -q -i $A > /dev/null; docker image inspect --format '{{.Id}}' $1; }
        docker_save() { docker save -o $A $1; }
        docker_clear() { docker rmi -f $(docker images -q) > /dev/null 2>&1 || true; }

        skopeo_pull() { rm -rf skopeo; skopeo copy -q --src-tls-verify=false docker://$N dir:skopeo; echo $(grep -o '"config":{[^}]*' skopeo/manifest.json | grep -o 'sha256:[0-9a-f]*') sha256:$(sha256sum skopeo/manifest.json | cut -d' ' -f1); }
        skopeo_push() { skopeo copy -q --dest-tls-verify=false dir:skopeo docker://$N; }
        skopeo_clear() { rm -rf skopeo; }

        """;

    [OneTimeSetUp]
    public void StartPeers()
    {
        // podman wants a /var/tmp of its own, in which this world's directory stays where it is, and the program that is
        // tested, wherever that is.
        World.Shell($"""
            set -e
            mount -t tmpfs tmpfs /run
            mkdir -p {World.Files}/tmp/$(basename {World.Directory})
            mkdir -p "{World.Files}/tmp/$(realpath -m --relative-base=/var/tmp {World.Artifacts})"
            exec 5<{World.Directory} 6<{World.Artifacts}
            mount --bind {World.Files}/tmp /var/tmp
            mount -c --bind /proc/self/fd/5 {World.Directory}
            [ -e {World.Binary} ] || mount -c --bind /proc/self/fd/6 {World.Artifacts}
            """).Succeeded();
        _registry = new TestRegistry(World, 5130);
        World.File("daemon.json", $$"""{ "deprecated-key-path": "{{World.Directory}}/key.json" }""");
        _daemon = World.StartShell($$"""
            exec dockerd --config-file daemon.json --data-root {{World.Directory}}/d --exec-root /run/docker -p /run/docker.pid \
                -H unix:///run/docker.sock --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs --iptables=false --bridge=none
            """);
        World.Host.Daemons.Add(_daemon.Pid);
        World.Await(() => _daemon.HasEnded ? throw new AssertionException(_daemon.Errors) : World.Shell("timeout 100 docker -H unix:///run/docker.sock version > /dev/null 2>&1").Code == 0, "dockerd answers", 60_000);
        foreach (var pid in World.Host.Tool("pgrep", "-P", $"{_daemon.Pid}").Split('\n', StringSplitOptions.RemoveEmptyEntries))
            World.Host.Daemons.Add(int.Parse(pid, CultureInfo.InvariantCulture));
        World.Host.KnownMounts = World.Host.Mounts.Split('\n').Count(line => line.Contains(World.Directory, StringComparison.Ordinal));
        World.File("Dockerfile", """
            FROM busybox
            RUN mkdir -p /d/e && echo 1 > /d/file && ln /d/file /d/hard && ln -s file /d/link && chmod 4755 /d/file && chown 5:6 /d/e && echo x > "/d/näme with space"
            RUN rm -r /d/e /data && mkdir /data && echo new > /data/new
            ENV A=b
            WORKDIR /d
            CMD ["cat", "file"]
            """);
        Run("build", "-q", "--network", "none", "-t", "made", ".").Succeeded();
    }

    [OneTimeTearDown]
    public void EndPeers()
    {
        if (_daemon is not null)
        {
            _daemon.Send(Signal.SIGTERM);
            _daemon.Wait();
            _daemon.Dispose();
        }
        _registry.Dispose();
    }

    [TearDown]
    public void Clear()
    {
        World.Shell($"{Peers} podman_clear; docker_clear; skopeo_clear; rm -rf *.tar layout bundle umoci.err {World.Directory}/other*");
        foreach (var name in Run("images", "--format", "{{.Repository}}:{{.Tag}}").Succeeded().Lines)
            if (name is not ("busybox:latest" or "made:latest")) Run("rmi", "-f", name);
    }

    // Another machine's store, which has nothing yet: what is here already is not taken from a registry or an archive.
    private Outcome Elsewhere(params string[] arguments)
    {
        using var session = World.StartWith(new Dictionary<string, string> { ["CRUN_SHARP_ROOT"] = $"{World.Directory}/other", ["CRUN_SHARP_RUN_ROOT"] = $"{World.Directory}/other-run" }, arguments);
        session.EndInput();
        return session.Wait();
    }

    private string IdElsewhere(string image) => Elsewhere("image", "inspect", "-f", "{{.Id}}", image).Succeeded().Line;

    private static string[] FilesOf(string image, Func<string[], Outcome> run) => run(["run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c",
        "cd /; find . -xdev ! -path './proc*' ! -path './sys*' ! -path './dev*' ! -path './etc/host*' ! -path './etc/resolv*' ! -type d -exec stat -c '%n %F %a %u %g %s %h' {} + | sort; readlink d/link"]).Succeeded().Lines;

    [TestCase("skopeo")]
    [TestCase("podman")]
    [TestCase("docker")]
    public void What_we_push_a_peer_pulls_and_pushes_on_and_we_pull_again(string peer)
    {
        var (id, first, second) = (World.Inspect("made", "{{.Id}}"), $"{_registry.Host}/{peer}/ours", $"{_registry.Host}/{peer}/theirs");
        Run("tag", "made", first).Succeeded();
        var digest = Run("push", first).Succeeded().Lines[^1].Split(' ')[2];
        Assert.That(World.Shell($"{Peers} N={first}:latest {peer}_pull").Succeeded().Line, Is.EqualTo($"{id} {digest}"));
        World.Shell($"{Peers} N={second}:latest {peer}_push {first}:latest").Succeeded();
        var pulled = Elsewhere("pull", second).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(pulled.Out, Does.Contain($"Digest: {DigestOf(second, "latest")}\n"));
            // docker writes a manifest of its own kind, podman compresses anew; the image is the same.
            if (peer == "skopeo") Assert.That(pulled.Out, Does.Contain($"Digest: {digest}\n"));
            Assert.That(IdElsewhere(second), Is.EqualTo(id));
            Assert.That(FilesOf(second, Elsewhere), Is.EqualTo(FilesOf("made", Run)));
            Assert.That(Elsewhere("run", "--rm", "--network", "none", second).Succeeded().Out, Is.EqualTo("1\n"));
        });
    }

    [TestCase("skopeo")]
    [TestCase("podman")]
    [TestCase("docker")]
    public void What_a_peer_pushes_goes_through_us_with_its_digest(string peer)
    {
        // The peer has it from an archive, so that the manifest is its own.
        var (theirs, ours) = ($"{_registry.Host}/{peer}/made-by", $"{_registry.Host}/{peer}/through-us");
        Run("tag", "made", "example.com/made:1").Succeeded();
        Run("save", "-o", "made.tar", "example.com/made:1").Succeeded();
        World.Shell(peer == "skopeo" ? $"{Peers} skopeo copy -q docker-archive:made.tar dir:skopeo; N={theirs}:1 skopeo_push"
            : $"{Peers} A=made.tar {peer}_load example.com/made:1; N={theirs}:1 {peer}_push example.com/made:1; {peer}_clear").Succeeded();
        var digest = DigestOf(theirs, "1");
        Assert.That(Elsewhere("pull", $"{theirs}:1").Succeeded().Out, Does.Contain($"Digest: {digest}\n"));
        Elsewhere("tag", $"{theirs}:1", ours).Succeeded();
        Assert.That(Elsewhere("push", ours).Succeeded().Lines[^1].Split(' ')[2], Is.EqualTo(digest), "the manifest goes on as it came");
        Assert.That(World.Shell($"{Peers} N={ours}:latest {peer}_pull").Succeeded().Line, Is.EqualTo($"{IdElsewhere(ours)} {digest}"));
        Assert.That(Elsewhere("run", "--rm", "--network", "none", ours).Succeeded().Out, Is.EqualTo("1\n"));
        Assert.That(FilesOf(ours, Elsewhere), Is.EqualTo(FilesOf("made", Run)));
    }

    [TestCase("podman", "docker-archive")]
    [TestCase("podman", "oci-archive")]
    [TestCase("docker", "docker-archive")]
    public void An_archive_goes_to_a_peer_and_comes_back(string peer, string format)
    {
        var id = World.Inspect("made", "{{.Id}}");
        Run("tag", "made", "example.com/made:1").Succeeded();
        Run("save", "--format", format.Split('-')[0], "-o", "ours.tar", "example.com/made:1").Succeeded();
        Assert.That(World.Shell($"{Peers} A=ours.tar {peer}_load example.com/made:1").Succeeded().Line, Is.EqualTo(id));
        World.Shell($"{Peers} A=theirs.tar {peer}_save example.com/made:1 {format}").Succeeded();
        Assert.That(Elsewhere("load", "-i", "theirs.tar").Succeeded().Out, Is.EqualTo("Loaded image: example.com/made:1\n"));
        Assert.Multiple(() =>
        {
            Assert.That(IdElsewhere("example.com/made:1"), Is.EqualTo(id));
            Assert.That(FilesOf("example.com/made:1", Elsewhere), Is.EqualTo(FilesOf("made", Run)));
            Assert.That(Elsewhere("run", "--rm", "--network", "none", "example.com/made:1").Succeeded().Out, Is.EqualTo("1\n"));
        });
    }

    [TestCase("docker", "docker", "docker-archive", "")]
    [TestCase("docker", "docker", "docker-archive", ",compression=gzip,force-compression=true")]
    [TestCase("podman", "docker", "docker-archive", "")]
    [TestCase("podman", "oci", "oci-archive", "")]
    [TestCase("podman", "oci", "oci-archive", ",compression=zstd,force-compression=true")]
    public void What_build_writes_goes_to_a_peer_and_comes_back(string peer, string type, string format, string attributes)
    {
        var id = World.RunWith("FROM made\nRUN echo more > /d/more\n", "build", "-q", "--network", "none", "-t", "example.com/built:1", "-o", $"type={type},dest=ours.tar{attributes}", "--load", "-").Succeeded().Line;
        // podman finds a name in an OCI archive as its reference only, which may be no more than the tag.
        var loaded = World.Shell($"{Peers} A=ours.tar; {peer}_clear; {(peer == "docker" ? "docker load -q -i $A > /dev/null; docker images -q --no-trunc" : "podman load -q -i $A > /dev/null; podman images -q --no-trunc")}").Succeeded();
        Assert.That(loaded.Line, Is.EqualTo(id));
        World.Shell($"{Peers} A=theirs.tar; {peer} tag {id[7..]} example.com/back:1; {peer}_save example.com/back:1 {format}").Succeeded();
        Assert.That(Elsewhere("load", "-i", "theirs.tar").Succeeded().Out, Does.Contain("Loaded image: example.com/back:1\n"));
        Assert.Multiple(() =>
        {
            Assert.That(IdElsewhere("example.com/back:1"), Is.EqualTo(id));
            Assert.That(FilesOf("example.com/back:1", Elsewhere), Is.EqualTo(FilesOf("example.com/built:1", Run)));
        });
    }

    [Test]
    public void A_layout_goes_to_umoci_which_changes_it_and_comes_back()
    {
        Run("tag", "made", "example.com/made:1").Succeeded();
        var seen = World.Shell($$"""
            {{Peers}}
            mkdir layout && $C save --format oci example.com/made:1 | tar -x -C layout
            umoci unpack --image layout:example.com/made:1 bundle
            (cd bundle/rootfs && find . ! -type d ! -path './dev/*' -exec stat -c '%n %F %a %u %g %s %h' {} + | sort && readlink d/link)
            echo added > bundle/rootfs/d/added; rm bundle/rootfs/d/link
            umoci repack --image layout:example.com/made:2 bundle
            umoci config --image layout:example.com/made:2 --config.cmd cat --config.cmd added --config.env C=d
            """).Succeeded();
        Assert.That(seen.Lines, Is.EqualTo(FilesOf("made", Run)), "umoci unpacks what we see");
        Assert.That(Elsewhere("load", "-i", "layout").Succeeded().Lines, Is.EquivalentTo((string[])["Loaded image: example.com/made:1", "Loaded image: example.com/made:2"]));
        Assert.Multiple(() =>
        {
            Assert.That(Elsewhere("run", "--rm", "--network", "none", "example.com/made:2").Succeeded().Out, Is.EqualTo("added\n"));
            Assert.That(Elsewhere("run", "--rm", "--network", "none", "example.com/made:2", "sh", "-c", "echo $A$C; ls -d link 2>&1").Out, Does.StartWith("bd\nls: link"));
            Assert.That(IdElsewhere("example.com/made:1"), Is.EqualTo(World.Inspect("made", "{{.Id}}")));
        });
    }

    [Test]
    public void The_store_is_exported_and_any_tool_reads_it()
    {
        // All images in one layout, each blob under its digest.
        Run("tag", "made", "example.com/made:1").Succeeded();
        World.Shell($$"""
            {{Peers}}
            mkdir layout && $C save --format oci example.com/made:1 busybox | tar -x -C layout
            cd layout/blobs/sha256 && for f in *; do echo "$f  $f"; done | sha256sum -c --quiet -
            cd ../../.. && skopeo copy -q oci:layout:example.com/made:1 dir:skopeo
            command umoci stat --image layout:example.com/made:1 > /dev/null
            """).Succeeded();
    }

    private string DigestOf(string name, string tag) => _registry.Ask($"/v2/{name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..]}/manifests/{tag}", "-I",
        "-H", "Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json").Lines
        .Single(static line => line.StartsWith("Docker-Content-Digest:", StringComparison.OrdinalIgnoreCase)).Split(' ')[1].Trim();
}
