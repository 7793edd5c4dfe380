using System.Net;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>What people build: on a Debian of the machine's mirror, with packages that are installed over the bridge.</summary>
/// <remarks>Packages come from beyond a wire: through the bridge, its masquerade, and a proxy on the other end.</remarks>
public sealed class RealInputTests : BuildTest
{
    private const string Suite = "bookworm";

    private HttpProxy? _proxy;

    [OneTimeSetUp]
    public void MakeDebian()
    {
        var mirror = FindMirror();
        _proxy = new HttpProxy(World.Outside, new IPEndPoint(IPAddress.Parse("192.0.2.2"), 3128));
        using (var session = World.Host.Start("curl", ["-fsSI", "--max-time", "20", "-x", _proxy.Url, $"{mirror}/dists/{Suite}/InRelease"]))
            if (session.Wait().Code != 0) Assert.Ignore($"the mirror {mirror} cannot be reached");
        using (var session = World.Host.Start("mmdebstrap", ["--quiet", "--mode=root", "--variant=apt", $"--aptopt=Acquire::http::Proxy \"{_proxy.Url}\"",
            "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
            "--customize-hook=rm -f \"$1\"/etc/apt/apt.conf.d/99mmdebstrap", Suite, $"{World.Files}/debian.tar", mirror]))
        {
            session.EndInput();
            session.Wait(280_000).Succeeded();
        }
        Run("import", "-c", "CMD [\"bash\"]", "-c", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "debian.tar", "debian").Succeeded();
        File.Delete($"{World.Files}/debian.tar");
    }

    [OneTimeTearDown]
    public void EndProxy() => _proxy?.Dispose();

    [Test]
    public void A_Debian_root_file_system_runs()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Run("run", "--rm", "--network", "none", "debian", "cat", "/etc/os-release").Succeeded().Out, Does.Contain($"VERSION_CODENAME={Suite}"));
            Assert.That(Run("run", "--rm", "--network", "none", "debian", "sh", "-c", "apt-get --version | head -n1; dpkg -l | grep -c ^ii").Succeeded().Out, Does.Match(@"^apt 2\..*\n[0-9]{2,}\n$"));
            Assert.That(Run("run", "--rm", "-e", $"http_proxy={_proxy!.Url}", "debian", "apt-get", "update").Succeeded().Out, Does.Contain("Reading package lists"));
        });
    }

    [Test]
    public void An_nginx_is_installed_and_serves()
    {
        var context = Context("""
            FROM debian
            RUN apt-get update \
                && apt-get install -y --no-install-recommends nginx \
                && rm -rf /var/lib/apt/lists/*
            COPY index.html /var/www/html/
            EXPOSE 80
            STOPSIGNAL SIGQUIT
            CMD ["nginx", "-g", "daemon off;"]
            """, ("index.html", "served by nginx\n"));
        using (var session = World.Start("build", "--progress", "plain", "-t", "web", "--build-arg", $"http_proxy={_proxy!.Url}", context)) session.Wait(280_000).Succeeded();
        Run("run", "-d", "--name", "web", "-p", "8080:80", "web").Succeeded();
        Assert.That(Fetch("127.0.0.1:8080"), Is.EqualTo("served by nginx\n"));
        Assert.That(World.Outside.Tool("curl", "-fsS", "http://192.0.2.1:8080/"), Is.EqualTo("served by nginx\n"), "from beyond the wire");
        Run("stop", "web").Succeeded();
        Assert.That(World.Inspect("web", "{{.State.ExitCode}}"), Is.EqualTo("0"), "SIGQUIT ends it gracefully");
        Assert.That(ConfigOf("web").ToString(), Does.Not.Contain("proxy"));
    }

    [Test]
    public void A_Node_application_answers_and_a_change_builds_only_its_files()
    {
        using (var session = World.Start("build", "-q", "-t", "node", "--build-arg", $"http_proxy={_proxy!.Url}",
            Context("FROM debian\nRUN apt-get update && apt-get install -y --no-install-recommends nodejs && apt-get clean\nCMD [\"node\"]\n")))
            session.Wait(280_000).Succeeded();
        var context = Context("""
            FROM node
            WORKDIR /app
            COPY package.json /app
            RUN node -e "require('fs').mkdirSync('node_modules/greet', {recursive: true}); require('fs').writeFileSync('node_modules/greet/index.js', 'module.exports = n => \'hello \' + n')"
            COPY . /app
            ENV PORT=3000
            EXPOSE $PORT
            CMD ["node", "server.js"]
            """,
            ("package.json", """{"name": "app", "dependencies": {"greet": "1"}}"""), (".dockerignore", "node_modules\n"), ("node_modules/greet/index.js", "throw new Error('of the host')"),
            ("server.js", "require('http').createServer((q, a) => a.end(require('greet')('docker') + '\\n')).listen(process.env.PORT); process.on('SIGTERM', () => process.exit(0))\n"));
        Build(context).Succeeded();
        Run("run", "-dp", "3000:3000", "--rm", "--name", "app", "out").Succeeded();
        Assert.That(Fetch("127.0.0.1:3000"), Is.EqualTo("hello docker\n"));
        Run("stop", "app").Succeeded();
        World.Shell($"sed -i s/docker/again/ {context}/server.js").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.EqualTo((string[])["COPY . /app"]));
        Run("run", "-d", "-p", "3000:3000", "--rm", "--name", "app", "out").Succeeded();
        Assert.That(Fetch("127.0.0.1:3000"), Is.EqualTo("hello again\n"));
        Run("rm", "-f", "app").Succeeded();
    }

    [Test]
    public void A_static_program_of_a_package_is_all_of_an_image()
    {
        var dockerfile = "FROM debian AS tools\nRUN apt-get update && apt-get install -y --no-install-recommends busybox-static\n"
            + "FROM scratch\nCOPY --from=tools /bin/busybox /busybox\nCOPY --from=tools /etc/os-release /etc/\nENTRYPOINT [\"/busybox\"]\nCMD [\"grep\", \"CODENAME\", \"/etc/os-release\"]\n";
        using (var session = World.Start("build", "-q", "-t", "small", "--build-arg", $"http_proxy={_proxy!.Url}", Context(dockerfile))) session.Wait(280_000).Succeeded();
        Assert.That(Run("run", "--rm", "--network", "none", "small").Succeeded().Out, Is.EqualTo($"VERSION_CODENAME={Suite}\n"));
        Assert.That(long.Parse(World.Inspect("small", "{{.Size}}")), Is.LessThan(4_000_000));
    }

    private string Fetch(string address)
    {
        using var session = World.Host.Start("curl", ["-fsS", "--retry", "50", "--retry-delay", "0", "--retry-connrefused", "--retry-all-errors", "--max-time", "60", $"http://{address}/"]);
        return session.Wait().Succeeded().Out;
    }

    // The one that this machine gets its own packages from.
    private static string FindMirror()
    {
        string[] folders = Directory.Exists("/etc/apt/sources.list.d") ? Directory.GetFiles("/etc/apt/sources.list.d") : [];
        foreach (var line in folders.Append("/etc/apt/sources.list").Where(File.Exists).SelectMany(File.ReadLines))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || words[0] is not ("deb" or "URIs:")) continue;
            if (words.FirstOrDefault(static word => word.StartsWith("http://", StringComparison.Ordinal) && word.TrimEnd('/').EndsWith("/debian", StringComparison.Ordinal)) is { } found) return found.TrimEnd('/');
        }
        return "http://deb.debian.org/debian";
    }
}
