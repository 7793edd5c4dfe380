using System.Text.Json;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Another builder, to compare with: buildah, with its own store in a world's directory.</summary>
internal sealed class Buildah : IDisposable
{
    // Its locks, settings and temporary files lie in places that a world's host cannot write.
    private const string Prepare = """
        set -e
        mount -t tmpfs none /run
        mount -t tmpfs none /etc/containers
        mkdir -p "$STORE/tmp/${WORLD##*/}"
        mount --rbind "$WORLD" "$STORE/tmp/${WORLD##*/}"
        mount --rbind "$STORE/tmp" /var/tmp
        echo '{"default":[{"type":"insecureAcceptAnything"}]}' > /etc/containers/policy.json
        buildah() { command buildah --root "$STORE/root" --runroot "$STORE/run" --storage-driver vfs "$@"; }

        """;

    private readonly World _world;
    private readonly string _directory;

    public Buildah(World world)
    {
        (_world, _directory) = (world, $"{world.Directory}/buildah");
        Directory.CreateDirectory(_directory);
    }

    /// <summary>Runs a shell script in which <c>buildah</c> uses this store; its output.</summary>
    public string Run(string script)
    {
        using var session = Start(script);
        session.EndInput();
        return session.Wait(120_000).Succeeded().Out;
    }

    /// <summary>Starts a shell script in which <c>buildah</c> uses this store.</summary>
    public Session Start(string script) => _world.Host.Start("unshare", ["-m", "--propagation", "private", "bash", "-c", Prepare + script], info =>
    {
        info.Environment["WORLD"] = _world.Directory;
        info.Environment["STORE"] = _directory;
    }, directory: _world.Files);

    /// <summary>The files of an image: a line for each with type, mode, owner, size, link and content.</summary>
    /// <param name="image">One of its store, or an archive as <c>docker-archive:FILE</c>.</param>
    public string[] FilesOf(string image) => Run($$"""
        c=$(buildah from --pull-never {{image}})
        cd "$(buildah mount $c)"
        find . -mindepth 1 ! -type d -printf '%p %y %m %U:%G %s %l\n' -o -mindepth 1 -printf '%p %y %m %U:%G\n' | sort
        find . -type f -exec sha256sum {} + | sort -k2
        cd /; buildah rm $c > /dev/null
        """).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The part of an image's configuration that says how it is run, as JSON.</summary>
    public string ConfigOf(string image)
    {
        using var document = JsonDocument.Parse(Run($"buildah inspect --type image {image}"));
        return document.RootElement.GetProperty("OCIv1").GetProperty("config").GetRawText();
    }

    public void Dispose() => Run("buildah rm -a > /dev/null; buildah rmi -a -f > /dev/null");
}
