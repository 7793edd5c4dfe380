using System.Globalization;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Debian's dockerd with its containerd, and its two builders, in a world; it ends when this is disposed.</summary>
internal sealed class Dockerd : IDisposable
{
    private const string Client = "d() ( timeout 100 /usr/bin/docker -H unix:///run/docker.sock \"$@\" )\n";

    private readonly World _world;
    private readonly Session _daemon;

    /// <param name="world">Where it runs.</param>
    /// <param name="runtime">The directory of the program that it finds as <c>runc</c>.</param>
    /// <param name="options">More for its command line.</param>
    public Dockerd(World world, string runtime, string options)
    {
        _world = world;
        world.File("daemon.json", $$"""{ "deprecated-key-path": "{{world.Directory}}/key.json" }""");
        world.Shell("mount -t tmpfs tmpfs /run").Succeeded();
        // The daemon's cgroup is below the world's, which is the root of the tree for it and all of its containers.
        _daemon = world.StartShell($$"""
            set -e
            mkdir -p /sys/fs/cgroup/daemon
            echo $$ > /sys/fs/cgroup/cgroup.procs
            export PATH={{runtime}}:$PATH # BuildKit takes the runc that it finds
            exec unshare -C sh -c 'echo $$ > /sys/fs/cgroup/daemon/cgroup.procs; exec dockerd --config-file daemon.json \
                --data-root {{world.Directory}}/d --exec-root /run/docker -p /run/docker.pid -H unix:///run/docker.sock \
                --exec-opt native.cgroupdriver=cgroupfs {{options}}'
            """);
        world.Host.Daemons.Add(_daemon.Pid);
        World.Await(() => Run("d version >/dev/null 2>&1").Code == 0, "dockerd answers", 60_000);
        foreach (var pid in world.Host.Tool("pgrep", "-P", $"{_daemon.Pid}").Split('\n', StringSplitOptions.RemoveEmptyEntries))
            world.Host.Daemons.Add(int.Parse(pid, CultureInfo.InvariantCulture));
        world.Host.KnownMounts = world.Host.Mounts.Split('\n').Count(line => line.Contains(world.Directory, StringComparison.Ordinal));
    }

    /// <summary>Runs a shell script in which <c>d</c> is the client.</summary>
    public Outcome Run(string script) => _world.Shell(Client + script);

    public void Dispose()
    {
        Run("d ps -aq | while read id; do d rm -f $id; done");
        _daemon.Send(Signal.SIGTERM);
        _daemon.Wait();
        _daemon.Dispose();
        _world.Shell("find /sys/fs/cgroup/daemon /sys/fs/cgroup/docker -depth -type d -exec rmdir {} + 2>/dev/null");
    }
}
