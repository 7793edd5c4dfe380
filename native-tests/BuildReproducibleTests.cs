using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>SOURCE_DATE_EPOCH, <c>rewrite-timestamp</c>, <c>--squash</c>: what an image's bytes depend on.</summary>
public sealed class BuildReproducibleTests : BuildTest
{
    private const int Repeats = 6;

    private const string Text = """
        FROM busybox AS tools
        RUN mkdir -p /out/bin && echo tool > /out/bin/tool && chmod +x /out/bin/tool
        FROM busybox
        WORKDIR /srv/app
        COPY --from=tools /out /usr/local
        COPY . src/
        ADD --chown=1:2 a.txt /made/deep/
        RUN for i in 5 3 1 4 2; do echo $i > /srv/$i; done; mkdir -p /var/lib/x; ln /srv/1 /srv/one; ln -s 1 /srv/link; touch -d 200101010000 /srv/old; rm src/b.txt; mv /made /moved
        ENV A=b
        CMD ["x"]

        """;

    [TearDown]
    public void RemoveOthers()
    {
        foreach (var image in Run("images", "--format", "{{.Repository}}:{{.Tag}}").Succeeded().Lines)
            if (image != "busybox:latest") Run("rmi", "-f", image);
    }

    [Test]
    public void The_same_build_gives_the_same_bytes_whatever_the_host_does()
    {
        var context = Context(Text, ("a.txt", "a\n"), ("b.txt", "b\n"), ("d/c.txt", "c\n"), ("d/e/f", "f\n"));
        var digests = new HashSet<string>();
        string[] ways = ["", "umask 077;", "umask 0;", "nice", "taskset 1", ""];
        for (var i = 0; i < Repeats; i++)
        {
            // Another order of inodes and names, and of times within a directory.
            if (i == 3) World.Shell($"cp -a {context} copy; rm -rf {context}; mkdir {context}; cd copy; for f in $(find . -type d | sort -r); do mkdir -p {context}/$f; done; for f in $(find . -type f | sort -r); do cp -p $f {context}/$f; done; chmod 755 $(find {context} -type d); cd ..; rm -rf copy").Succeeded();
            World.Shell($"{(ways[i].EndsWith(';') ? ways[i] : "")} SOURCE_DATE_EPOCH=1700000000 {(ways[i].EndsWith(';') ? "" : ways[i])} $C build -q --no-cache -t out --provenance=true -o type=oci,dest=image.tar,rewrite-timestamp=true {context}").Succeeded();
            digests.Add(World.Shell("sha256sum < image.tar").Line);
        }
        Assert.That(digests, Has.Count.EqualTo(1));
        World.Shell("mkdir -p image; tar -C image -xf image.tar").Succeeded();
        var config = JsonDocument.Parse(World.Host.Tool("env", "-C", World.Files, "skopeo", "--tmpdir", World.Files, "inspect", "--config", "oci:image:latest")).RootElement;
        var before = JsonDocument.Parse(Run("image", "inspect", "-f", "{{json .RootFS.Layers}}", "busybox").Succeeded().Out).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(config.GetProperty("created").GetString(), Is.EqualTo("2023-11-14T22:13:20Z"));
            Assert.That(config.GetProperty("history").EnumerateArray().Skip(1).Select(static h => h.GetProperty("created").GetString()), Is.All.EqualTo("2023-11-14T22:13:20Z"));
            Assert.That(config.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString(), Is.EqualTo(before[0].GetString()), "the base is as it was");
        });
        World.Shell("rm -rf image image.tar").Succeeded();
    }

    [Test]
    public void Times_after_the_epoch_are_the_epoch_and_earlier_ones_stay()
    {
        BuildText("FROM busybox\nRUN touch -d 200101010000 /old && touch -d 203301010000 /young && mkdir /d && touch /d/now\n", "--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-o", "type=image,rewrite-timestamp=true").Succeeded();
        Assert.That(InImage("stat -c '%n %Y' /old /young /d /d/now"), Is.EqualTo("/old 978307200\n/young 1700000000\n/d 1700000000\n/d/now 1700000000\n"));
        // A cached step is not of its own time any more.
        BuildText("FROM busybox\nRUN echo 1 > /x\n").Succeeded();
        BuildText("FROM busybox\nRUN echo 1 > /x\n", "--build-arg", "SOURCE_DATE_EPOCH=42").Succeeded();
        Assert.That(World.Inspect("out", "{{.Created}}"), Is.EqualTo("1970-01-01T00:00:42Z"));
        Assert.That(BuildText("FROM busybox\n", "--build-arg", "SOURCE_DATE_EPOCH=yesterday"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("invalid SOURCE_DATE_EPOCH: yesterday"));
    }

    [Test]
    public void Squashed_layers_are_one_that_shows_the_same()
    {
        const string Steps = "FROM busybox\nRUN mkdir -p /d/e /gone && echo 1 > /d/1 && echo x > /d/e/x && ln /d/1 /d/hard && touch /gone/g && echo 1 > /etc/added && ln /etc/added /etc/linked && chmod 1771 /d\n"
            + "RUN rm -r /gone /d/e && mkdir /d/e && echo y > /d/e/y && rm /etc/passwd && chown 5:6 /d/1\nENV A=b\nRUN rm -r /home && mkdir /home && echo 2 > /d/2 && mv /d/2 /d/3 && ln -s 3 /d/link\n";
        const string List = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf \\) -prune -o ! -path / ! -path /etc -print | sort | while read f; do stat -c '%n %F %a %u:%g %Y' \"$f\"; done; cat /d/1 /d/3 /d/e/y; [ /etc/added -ef /etc/linked ] && echo linked";
        BuildText(Steps, "-t", "plain").Succeeded();
        BuildText(Steps, "-t", "squashed", "--squash").Succeeded();
        BuildText(Steps, "-t", "whole", "--squash-all").Succeeded();
        BuildText(Steps, "-t", "unlayered", "--layers=false").Succeeded();
        var history = JsonDocument.Parse(World.RunWith(null, "image", "inspect", "-f", "{{json .RootFS.Layers}}", "squashed").Succeeded().Out).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(history.GetArrayLength(), Is.EqualTo(2));
            Assert.That(history[0].GetString(), Is.EqualTo(JsonDocument.Parse(Run("image", "inspect", "-f", "{{json .RootFS.Layers}}", "busybox").Out).RootElement[0].GetString()));
            Assert.That(Run("history", "--no-trunc", "--format", "{{.Comment}}", "squashed").Succeeded().Lines[0], Does.Match("^merge sha256:[0-9a-f]{64} to sha256:[0-9a-f]{64}$"));
            Assert.That(ConfigOf("squashed").ToString(), Is.EqualTo(ConfigOf("plain").ToString()));
            Assert.That(Seen("squashed"), Is.EqualTo(Seen("plain")));
            Assert.That(World.Inspect("whole", "{{len .RootFS.Layers}}"), Is.EqualTo("1"));
            Assert.That(Run("history", "--no-trunc", "--format", "{{.Comment}}", "whole").Succeeded().Lines[0], Does.Match("^create new from sha256:[0-9a-f]{64}$"));
            Assert.That(ConfigOf("whole").ToString(), Is.EqualTo(ConfigOf("plain").ToString()));
            Assert.That(Seen("whole"), Is.EqualTo(Seen("plain")));
            Assert.That(World.Inspect("unlayered", "{{len .RootFS.Layers}}"), Is.EqualTo("2"));
        });
        Run("save", "-o", "squashed.tar", "squashed").Succeeded();
        Run("system", "check").Succeeded();
        World.Shell("rm -f squashed.tar").Succeeded();

        string Seen(string image) => InImage(List, image);
    }
}
