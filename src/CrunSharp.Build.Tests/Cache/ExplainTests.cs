using CrunSharp.Build.Progress;

namespace CrunSharp.Build.Tests.Cache;

/// <summary><c>--explain</c>: why a step was not in the cache.</summary>
public class ExplainTests
{
    private const string Text = "FROM base AS build\nARG A=1\nENV B=1\nCOPY src /src\nRUN echo $A > /a\nFROM base\nCOPY --from=build /a /\n";

    private BuildFixture _build = null!;

    [SetUp]
    public void WriteFiles()
    {
        _build = new BuildFixture();
        for (var i = 1; i <= 20; i++) _build.Write($"src/d/f{i}.txt", $"{i}");
    }

    [TearDown]
    public void RemoveAll() => _build.Dispose();

    [Test]
    public void What_changed_is_named_for_each_step_that_is_done()
    {
        Assert.That(Explain(Text), Is.EqualTo("COPY src /src: no earlier build\nRUN echo $A > /a: no earlier build\nCOPY --from=build /a /: no earlier build"));
        Assert.That(Explain(Text), Is.Empty);
        _build.Write("src/d/f7.txt", "other");
        Assert.That(Explain(Text), Is.EqualTo("COPY src /src: src/d/f7.txt content changed; 19 others equal\nRUN echo $A > /a: parent layer changed"), "the file of the other stage is the same");
        _build.Write("src/new", "");
        File.Delete(Path.Combine(_build.Context, "src/d/f1.txt"));
        File.SetUnixFileMode(Path.Combine(_build.Context, "src/d/f2.txt"), UnixFileMode.UserRead);
        Assert.That(Explain(Text).Split('\n')[0], Is.EqualTo("COPY src /src: src/d/f1.txt removed, src/d/f2.txt permissions changed, src/new added; 18 others equal"));
        Assert.That(Explain(Text.Replace("A=1", "A=2", StringComparison.Ordinal)), Is.EqualTo("RUN echo $A > /a: env A changed\nCOPY --from=build /a /: a content changed"));
        Assert.That(Explain(Text.Replace("B=1", "C=1", StringComparison.Ordinal)), Is.EqualTo("RUN echo $A > /a: env A changed; env B removed; env C added"));
        Assert.That(Explain(Text.Replace("echo", "printf", StringComparison.Ordinal)).Split('\n')[0], Does.StartWith("RUN printf $A > /a: the instruction changed, it was RUN echo $A > /a"));
        Assert.That(Explain(Text + "RUN true\n"), Does.EndWith("RUN true: no RUN in the earlier build"));
        Assert.That(Explain(Text, static request => request with { NoCacheStages = new HashSet<string> { "build" } }), Does.StartWith("COPY src /src: --no-cache-filter build\n"));
        Assert.That(Explain(Text, static request => request with { NoCache = true }), Does.StartWith("COPY src /src: --no-cache\n"));
    }

    [Test]
    public void A_result_that_is_too_old_is_not_taken_and_its_age_does_not_come_from_the_epoch()
    {
        var epoch = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = "1" };
        _build.Build(Text, request => request with { BuildArgs = epoch });
        Assert.That(Explain(Text, request => request with { CacheTtl = TimeSpan.FromHours(1) }), Is.Empty);
        _build.Clock.Later += TimeSpan.FromHours(2);
        Assert.That(_build.Build(Text).Cached, Is.EqualTo(3));
        Assert.That(Explain(Text, request => request with { CacheTtl = TimeSpan.FromHours(3) }), Is.Empty);
        Assert.That(Explain(Text, request => request with { CacheTtl = TimeSpan.FromMinutes(90) }), Does.StartWith("COPY src /src: older than --cache-ttl 1h30m0s: done 2h0m"));
        Assert.That(Explain(Text, request => request with { CacheTtl = TimeSpan.FromMinutes(90) }), Is.Empty, "they were done just now");
        _build.Clock.Later += TimeSpan.FromSeconds(2);
        Assert.That(_build.Build(Text, request => request with { CacheTtl = TimeSpan.Zero }).Cached, Is.Zero);
    }

    [Test]
    public void A_torn_record_is_none()
    {
        _build.Build(Text);
        var folder = Path.Combine(_build.Store.Root, "cache/steps");
        foreach (var file in Directory.GetFiles(folder)) File.WriteAllText(file, "{\"steps\":[{}]}");
        _build.Write("src/d/f7.txt", "torn");
        Assert.That(Explain(Text), Does.StartWith("COPY src /src: no earlier build"));
    }

    [Test]
    public void A_timeline_is_one_page_with_a_bar_for_each_step_and_nothing_of_a_step_is_markup()
    {
        var timeline = new Timeline();
        var run = new BuildStep(1, "[a 1/1] RUN echo \"<script>\"");
        timeline.Started(run);
        timeline.Explained(run, "env <A> changed");
        timeline.Failed(run, "exit & such");
        timeline.Cached(new BuildStep(2, "[b 1/1] COPY x /"));
        timeline.Started(new BuildStep(3, "exporting to image"));
        var page = timeline.ToHtml("build <x>", "it <failed>");
        Assert.Multiple(() =>
        {
            Assert.That(page, Does.Contain("RUN echo &quot;&lt;script&gt;&quot;").And.Contains("miss: env &lt;A&gt; changed").And.Contains("it &lt;failed&gt;").And.Contains("<h1>build &lt;x&gt;</h1>"));
            Assert.That(page, Does.Not.Contain("<script").And.Not.Contain("http").And.Not.Contain("src=").And.Not.Contain("url("));
            Assert.That(page.Split("<rect ").Length - 1, Is.EqualTo(3));
            Assert.That(page, Does.Contain("class=\"bad\"").And.Contains("class=\"hit\"").And.Contains("class=\"other\""));
        });
    }

    [Test]
    public void A_timeline_shows_stages_in_the_order_in_which_they_end()
    {
        var timeline = new Timeline();
        BuildStep first = new(1, "[long 1/1] RUN a"), second = new(2, "[short 1/1] RUN b"), image = new(3, "exporting to image");
        foreach (var step in new[] { first, second }) timeline.Started(step);
        timeline.Finished(second);
        timeline.Finished(first);
        timeline.Started(image);
        timeline.Finished(image);
        var page = timeline.ToHtml("t", null);
        Assert.That(new[] { ">short<", ">long<", ">transfers and image<" }.Select(name => page.IndexOf(name, StringComparison.Ordinal)), Is.Ordered.And.All.Positive);
    }

    private string Explain(string dockerfile, Func<BuildRequest, BuildRequest>? change = null)
    {
        _build.Build(dockerfile, request => (change?.Invoke(request) ?? request) with { Explain = true });
        return string.Join('\n', _build.Progress.Explanations);
    }
}
