using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>Images that are built here are the same as buildah's, and skopeo reads them.</summary>
public sealed class BuildPeerTests : BuildTest
{
    private const string Configuring = """
        FROM localhost/busybox AS base
        ARG WHO=nobody
        ENV A=1 B="two words"
        ENV C=$A-$WHO
        LABEL name="a label" other=$C
        WORKDIR /srv/app
        EXPOSE 80 53/udp
        VOLUME ["/data", "/cache"]
        STOPSIGNAL SIGUSR1
        USER user:extra
        ENTRYPOINT ["/bin/sh", "-c"]
        CMD ["echo $A"]
        """;

    private const string Copying = """
        FROM localhost/busybox
        COPY . /all/
        COPY --chown=1000:2000 tree /owned
        COPY --chown=user a.txt /usr/local/one
        COPY *.txt tree/*.md /flat/
        ADD archive.tar /unpacked/
        ADD compressed.tgz /unpacked/more
        WORKDIR /made/by/workdir
        COPY a.txt relative/
        RUN mkdir sub && echo run > sub/file && chmod 4711 sub/file && chown user sub && ln -s file sub/link && rm /all/a.txt && mkfifo sub/pipe
        """;

    private const string Staged = """
        FROM localhost/busybox AS build
        RUN mkdir -p /out/bin /out/lib && echo program > /out/bin/app && chmod 755 /out/bin/app && ln -s ../bin/app /out/lib/app && ln /out/bin/app /out/bin/second
        FROM scratch AS first
        COPY --from=build /out/ /
        FROM first
        COPY --from=build --chown=7:8 /out/lib /other
        COPY --from=build /bin/busybox /busybox
        ENTRYPOINT ["/busybox"]
        """;

    private string _base = "";

    protected override void Prepare()
    {
        _base = BusyboxImage.With(World.Files + "/base.tar", BusyboxImage.AddMountPoints);
        World.Import("localhost/busybox", _base, "-c", "CMD [\"sh\"]", "-c", "ENV PATH=/bin");
    }

    [TestCase(Configuring, "--build-arg", "WHO=me", TestName = "Buildah_makes_the_same_of_configuration")]
    [TestCase(Copying, TestName = "Buildah_makes_the_same_of_files")]
    [TestCase(Staged, TestName = "Buildah_makes_the_same_of_stages")]
    public void Buildah_makes_the_same(string dockerfile, params string[] options)
    {
        var context = Context(dockerfile, ("a.txt", "a"), ("b.txt", "b"), ("tree/x.md", "x"), ("tree/deep/y", "y"), (".dockerignore", "archive.tar\n!archive.tar\nsecret\n"), ("secret", "s"));
        World.Shell($"cd {context}; chmod 600 b.txt; chmod 750 tree/deep; ln -s deep/y tree/link; tar -C tree -cf archive.tar .; tar -czf compressed.tgz a.txt b.txt; mkdir empty").Succeeded();
        using var buildah = new Buildah(World);
        buildah.Run($"c=$(buildah from scratch); buildah add $c {_base} / >/dev/null; buildah config --cmd sh --env PATH=/bin $c; buildah commit -q $c localhost/busybox; buildah rm $c");
        buildah.Run($"buildah bud --isolation chroot --pull-never -t localhost/theirs {string.Join(' ', options)} {context}");

        Build(context, options).Succeeded();
        Run("save", "-o", "ours.tar", "out").Succeeded();
        buildah.Run($"buildah tag $(buildah pull -q docker-archive:{World.Files}/ours.tar) localhost/ours");

        Assert.Multiple(() =>
        {
            Assert.That(Differences(buildah.FilesOf("localhost/ours"), buildah.FilesOf("localhost/theirs")), Is.Empty);
            Assert.That(Differences(Config("localhost/ours"), Config("localhost/theirs")), Is.Empty);
        });
        // BuildKit, whose manner this is, writes two more: a field of Windows, and the directory of an image from scratch.
        string[] Config(string image) => [.. SortedJson.Of(buildah.ConfigOf(image), "io.buildah.version", "ArgsEscaped").Where(static line => line != "/WorkingDir = /")];
    }

    [Test]
    public void Skopeo_makes_an_OCI_layout_of_what_was_built()
    {
        BuildText("FROM busybox\nENV A=b\nRUN echo 1 > /one\nCMD [\"cat\", \"/one\"]\n").Succeeded();
        Run("save", "-o", "built.tar", "out").Succeeded();
        Skopeo("copy", $"docker-archive:{World.Files}/built.tar", $"oci:{World.Files}/layout:example.com/built:v1");
        using var config = JsonDocument.Parse(Skopeo("inspect", "--config", $"oci:{World.Files}/layout:example.com/built:v1"));
        Assert.Multiple(() =>
        {
            Assert.That(config.RootElement.GetProperty("config").GetProperty("Env")[0].GetString(), Is.EqualTo("A=b"));
            Assert.That(config.RootElement.GetProperty("rootfs").GetProperty("diff_ids").GetArrayLength(), Is.EqualTo(2));
        });
        Run("rmi", "out").Succeeded();
        Assert.That(Run("load", "-i", "layout").Succeeded().Out, Is.EqualTo("Loaded image: example.com/built:v1\n"));
        Assert.That(World.Run("run", "--rm", "--network", "none", "example.com/built:v1").Succeeded().Out, Is.EqualTo("1\n"));
    }

    private string Skopeo(params string[] arguments) => World.Host.Tool("skopeo", ["--insecure-policy", "--tmpdir", World.Files, .. arguments]);

    private static string[] Differences(string[] ours, string[] theirs) =>
        [.. ours.Except(theirs).Select(static line => "ours: " + line), .. theirs.Except(ours).Select(static line => "theirs: " + line)];
}
