using System.Text;
using CrunSharp.Build.History;
using CrunSharp.Build.Progress;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.History;

public class BuildRecorderTests
{
    private static readonly BuildStep s_run = new(2, "[2/3] RUN make");
    private readonly string _store = Directory.CreateTempSubdirectory("crun-sharp-history").FullName;

    [OneTimeTearDown]
    public void Remove() => Directory.Delete(_store, recursive: true);

    [Test]
    public void A_kept_log_is_what_plain_progress_shows()
    {
        var clock = new Clock();
        var shown = new StringWriter();
        using var recorder = new BuildRecorder(clock);
        foreach (var progress in (IBuildProgress[])[recorder, new PlainProgress(shown, clock)])
        {
            clock.Now = 7000;
            progress.Cached(new BuildStep(1, "[1/3] FROM base"));
            progress.Started(s_run);
            clock.Now += 12_345;
            progress.Output(s_run, "one\ntw"u8.ToArray(), false);
            progress.Output(s_run, "o\r\n10%\r20%\nrest ä\xff"u8.ToArray(), true);
            progress.Finished(s_run);
            var bad = new BuildStep(3, "[3/3] RUN false");
            progress.Started(bad);
            progress.Output(bad, "a\n"u8.ToArray(), false);
            progress.Warning("careful");
            progress.Failed(bad, "process failed");
            var next = new BuildStep(4, "export");
            progress.Started(next);
            progress.Failed(next, "context canceled");
        }
        recorder.Add("more\n");
        Assert.That(Kept(recorder, CrunException.Invalid("no")), Is.EqualTo(shown + "more\nERROR: no\n"));
    }

    [Test]
    public void Of_too_much_output_the_first_is_kept_and_how_it_ended()
    {
        using var recorder = new BuildRecorder(new Clock());
        recorder.Started(s_run);
        var line = Encoding.ASCII.GetBytes(new string('x', 999) + "\n");
        for (var i = 0; i < 20_000; i++) recorder.Output(s_run, line, false);
        recorder.Finished(s_run);
        var log = Kept(recorder, null);
        Assert.That(log, Has.Length.InRange(16_000_000, 18_000_000));
        Assert.That(log, Does.Contain("#2 DONE 0.0s\n").And.Match(@"\[3\d{6} bytes more were not kept\]\n$"));
    }

    [Test]
    public void A_damaged_log_is_an_error_and_no_endless_one()
    {
        using var recorder = new BuildRecorder(new Clock());
        recorder.Started(s_run);
        recorder.Output(s_run, "text\n"u8.ToArray(), false);
        Kept(recorder, null);
        var file = Directory.GetFiles(_store, "*", SearchOption.AllDirectories).MaxBy(File.GetLastWriteTimeUtc)!;
        var bytes = File.ReadAllBytes(file);
        var begin = Array.IndexOf(bytes, (byte)'\n') + 1;
        var record = BuildHistory.Find(_store, "");
        for (var i = begin; i < bytes.Length; i++)
        {
            foreach (var damage in (byte[])[0xff, 0x80, 1])
            {
                var damaged = bytes.ToArray();
                damaged[i] ^= damage;
                File.WriteAllBytes(file, damaged);
                var output = new StringWriter();
                try
                {
                    BuildHistory.WriteLog(_store, record, output);
                }
                catch (CrunException error)
                {
                    Assert.That(error.Message, Is.EqualTo($"the log of the build {record.Id} is damaged"));
                }
                Assert.That(output.ToString(), Has.Length.LessThan(200));
            }
        }
    }

    private string Kept(BuildRecorder recorder, Exception? error)
    {
        BuildHistory.Remove(_store, null);
        recorder.Keep(_store, new BuildRecord(), error);
        var output = new StringWriter();
        BuildHistory.WriteLog(_store, BuildHistory.Find(_store, ""), output);
        return output.ToString();
    }

    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => Now;
    }
}
