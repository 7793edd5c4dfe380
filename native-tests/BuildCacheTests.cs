using CrunSharp.Kernel.Files;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: what is done again and what is not.</summary>
public sealed class BuildCacheTests : BuildTest
{
    private const string Dockerfile = """
        FROM busybox
        RUN echo first > /first
        COPY dir /dir
        RUN cat /dir/[a-z] > /all
        COPY last /last
        """;

    private int _builds;

    // Each test has steps of its own.
    private string MakeContext() => Context(Dockerfile.Replace("echo first", $"echo first{++_builds}", StringComparison.Ordinal),
        ("dir/a", "a"), ("dir/b", "b"), ("last", "last"), ("unused", "u"));

    [Test]
    public void Nothing_is_done_twice_and_the_image_is_the_same()
    {
        var context = MakeContext();
        Assert.That(Done(Build(context).Succeeded()), Has.Length.EqualTo(4));
        var id = World.Inspect("out", "{{.Id}}");
        var again = Build(context).Succeeded();
        Assert.That((Done(again), World.Inspect("out", "{{.Id}}")), Is.EqualTo((Array.Empty<string>(), id)));
        Assert.That(again.Err.Split("CACHED").Length - 1, Is.EqualTo(5));
    }

    [Test]
    public void Times_and_places_do_not_matter()
    {
        var context = MakeContext();
        Build(context).Succeeded();
        World.Shell($"find {context} -exec touch {{}} +").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.Empty, "after touch");
        World.Shell($"cp -r {context} {context}-copy").Succeeded();
        Assert.That(Done(Build($"{context}-copy").Succeeded()), Is.Empty, "another directory with the same content");
        World.Shell($"rm -rf {context} && cp -r {context}-copy {context}").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.Empty, "new files with the same content");
        Assert.That(Done(World.Shell($"tar -C {context} -cz . | $C build --progress plain -").Succeeded()), Is.Empty, "a tar with the same content");
        World.Shell($"echo changed > {context}/unused").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.Empty, "a file that nothing copies");
    }

    [TestCase("echo other > dir/a", 3, TestName = "A_change_is_seen_in_the_content")]
    [TestCase("touch -r dir/a ref; echo -n x > dir/a; touch -r ref dir/a", 3, TestName = "A_change_is_seen_in_content_of_the_same_size_and_time")]
    [TestCase("chmod 600 dir/b", 3, TestName = "A_change_is_seen_in_the_mode")]
    [TestCase("mv dir/b dir/c", 3, TestName = "A_change_is_seen_in_a_name")]
    [TestCase("touch dir/new", 3, TestName = "A_change_is_seen_in_a_new_file")]
    [TestCase("mkdir dir/new", 3, TestName = "A_change_is_seen_in_a_new_directory")]
    [TestCase("rm dir/a; ln -s b dir/a", 3, TestName = "A_change_is_seen_in_the_kind")]
    [TestCase("echo other > last", 1, TestName = "A_change_is_seen_only_from_its_step_on")]
    [TestCase("sed -i 's/echo first[0-9]*/echo other/' Dockerfile", 4, TestName = "A_change_is_seen_in_the_instruction")]
    public void A_change_is_seen(string change, int steps)
    {
        var context = MakeContext();
        Build(context).Succeeded();
        World.Shell($"cd {context}; {change}").Succeeded();
        // A step whose parent came out the same is not done again: at most as many as come after the change.
        var done = Done(Build(context).Succeeded());
        Assert.That(done, Has.Length.InRange(1, steps));
        Assert.That(done, Has.None.Contains("echo first"));
        Build(context, "--no-cache", "-t", "fresh").Succeeded();
        const string All = "find /first /dir /all /last -exec stat -c '%n %F %a %u %g %s' {} +; cat /first /dir/[a-z] /all /last";
        Assert.That(InImage(All), Is.EqualTo(InImage(All, "fresh")));
    }

    [Test]
    public void What_was_done_too_long_ago_is_done_again()
    {
        var context = MakeContext();
        Build(context).Succeeded();
        Assert.That(Done(Build(context, "--cache-ttl", "1h").Succeeded()), Is.Empty);
        World.Shell("""for f in "$CRUN_SHARP_ROOT"/cache/[0-9a-f][0-9a-f]/*; do [ ! -s "$f" ] || sed -i 's/"stored":[0-9]*/"stored":1700000000/' "$f"; done""").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.Empty);
        var old = Build(context, "--cache-ttl", "1h", "--explain").Succeeded();
        Assert.That(Done(old), Has.Length.EqualTo(4));
        Assert.That(old.Err, Does.Contain("miss: older than --cache-ttl 1h0m0s: done "));
        Assert.That(Done(Build(context, "--cache-ttl", "1h").Succeeded()), Is.Empty);
        Assert.That(Build(context, "--cache-ttl", "-1h").Err, Does.Contain("must not be negative"));
    }

    [Test]
    public void No_cache_does_all()
    {
        var context = MakeContext();
        Build(context).Succeeded();
        Assert.That(Done(Build(context, "--no-cache").Succeeded()), Has.Length.EqualTo(4));
        Assert.That(Done(Build(context).Succeeded()), Is.Empty);
    }

    [Test]
    public void An_argument_matters_from_its_line_on()
    {
        const string Text = "FROM busybox\nRUN echo before > /1\nARG VALUE=none\nRUN echo $VALUE > /2\n";
        BuildText(Text, "--build-arg", "VALUE=one").Succeeded();
        Assert.That(Done(BuildText(Text, "--build-arg", "VALUE=two").Succeeded()), Is.EqualTo((string[])["RUN echo $VALUE > /2"]));
        Assert.That(InImage("cat /2"), Is.EqualTo("two\n"));
        Assert.That(Done(BuildText(Text, "--build-arg", "VALUE=one").Succeeded()), Is.Empty, "both are remembered");
    }

    [Test]
    public void A_base_that_changed_is_seen()
    {
        BuildText("FROM busybox\nRUN echo 1 > /base\n", "-t", "base").Succeeded();
        BuildText("FROM base\nRUN cat /base > /seen\n").Succeeded();
        BuildText("FROM busybox\nRUN echo 2 > /base\n", "-t", "base").Succeeded();
        BuildText("FROM base\nRUN cat /base > /seen\n").Succeeded();
        Assert.That(InImage("cat /seen"), Is.EqualTo("2\n"));
    }

    [Test]
    public void A_failed_step_is_done_again_and_those_before_it_are_not()
    {
        const string Text = "FROM busybox\nRUN echo before > /1\nRUN test -e /never\n";
        BuildText(Text);
        Assert.That(Done(BuildText(Text)), Is.EqualTo((string[])["RUN test -e /never"]));
    }

    [Test]
    public void Images_that_are_removed_take_nothing_from_later_builds()
    {
        var context = MakeContext();
        Build(context).Succeeded();
        var id = World.Inspect("out", "{{.Id}}");
        Run("rmi", "-f", id).Succeeded();
        Build(context).Succeeded();
        Assert.That(InImage("cat /all /last /first"), Is.EqualTo($"ablastfirst{_builds}\n"));
    }

    [Test]
    public void Builds_side_by_side_do_not_disturb_each_other()
    {
        var context = MakeContext();
        var sessions = Enumerable.Range(0, 6).Select(i => World.Start("build", "-q", "--build-arg", $"N={i % 2}", context)).ToList();
        var ids = sessions.ConvertAll(static session =>
        {
            using (session) return session.Wait().Succeeded().Line;
        });
        Assert.That(ids, Has.All.Match("^sha256:[0-9a-f]{64}$"));
        foreach (var id in ids) Assert.That(InImage("cat /all /last", id), Is.EqualTo("ablast"));
    }

    [Test]
    public void An_attribute_is_seen_also_where_the_file_is_known()
    {
        var context = MakeContext();
        Thread.Sleep(3000); // what changed in the last two seconds is not remembered
        Build(context).Succeeded();
        using (var directory = FileAt.OpenDirectory(context + "/dir")) ExtendedAttributes.Set(directory, "b", "user.x", "y"u8);
        Assert.That(Done(Build(context).Succeeded()), Has.Length.EqualTo(3));
    }

    [Test]
    public void The_same_layer_may_be_in_an_image_twice()
    {
        const string same = "RUN echo x > /tmp/s && touch -d @1 /tmp/s /tmp";
        BuildText($"FROM busybox\nRUN mkdir -p /tmp\n{same}\nRUN rm /tmp/s; echo y > /t\n{same} # again\nRUN cat /tmp/s /t > /u\n").Succeeded();
        var layers = World.Inspect("out", "{{range .RootFS.Layers}}{{println .}}{{end}}").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Multiple(() =>
        {
            Assert.That(layers.Distinct().Count(), Is.EqualTo(layers.Length - 1));
            Assert.That(InImage("cat /u"), Is.EqualTo("x\ny\n"));
        });
    }

    [Test]
    public void A_step_that_changes_nothing_but_its_own_files_makes_the_same_layer_again()
    {
        static string text(int number) =>
            $"FROM busybox\nRUN mkdir -p /tmp\nRUN echo {number} | tr 12 xx > /tmp/r && touch -d @1 /tmp/r /tmp\nRUN cat /proc/sys/kernel/random/uuid > /after\n";
        BuildText(text(1)).Succeeded();
        var again = BuildText(text(2)).Succeeded();
        Assert.That(Done(again), Has.Length.EqualTo(1), "also where /etc/hosts had to be made for it");
    }
}
