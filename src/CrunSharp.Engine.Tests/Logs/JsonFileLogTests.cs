using System.Text;
using CrunSharp.Engine.Logs;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Engine.Tests.Logs;

public class JsonFileLogTests
{
    private string _path = "";

    [SetUp]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;

    [TearDown]
    public void RemoveDirectory() => FileAt.RemoveTree(null, _path);

    private string[] Written(Action<JsonFileLog> write)
    {
        using (var directory = FileAt.OpenDirectory(_path))
        using (var log = new JsonFileLog(directory, "log", new FixedTime()))
        {
            write(log);
            log.End();
        }
        return File.ReadAllLines(_path + "/log", Encoding.Latin1);
    }

    [Test]
    public void Lines_are_Dockers_byte_for_byte() =>
        Assert.That(Written(static log => log.Append(false, "a\t\"b\"\\<&>\x1b\x7f\xff\r\n"u8[..])), Has.Length.EqualTo(1)
            .And.All.StartsWith("{\"log\":\"a\\u0009\\\"b\\\"\\\\\\u003c\\u0026\\u003e\\u001b\x7f").And.All.EndsWith("\\r\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.5Z\"}"));

    [Test]
    public void A_line_that_comes_in_pieces_is_one_line_and_streams_do_not_mix()
    {
        var lines = Written(static log =>
        {
            log.Append(false, "one "u8);
            log.Append(true, "error\n"u8);
            log.Append(false, "line\nrest"u8);
        });
        Assert.That(lines.Select(line => LogLine.TryParse(Encoding.Latin1.GetBytes(line))!.Value).Select(line => (Encoding.UTF8.GetString(line.Text), line.IsError)),
            Is.EqualTo(new[] { ("error\n", true), ("one line\n", false), ("rest", false) }));
    }

    [Test]
    public void A_long_line_is_cut_at_16_KiB_and_nothing_is_lost()
    {
        var lines = Written(static log => log.Append(false, Encoding.ASCII.GetBytes(new string('x', 40_000) + "\n")));
        Assert.That(lines.Select(line => LogLine.TryParse(Encoding.Latin1.GetBytes(line))!.Value.Text.Length), Is.EqualTo(new[] { 16384, 16384, 7233 }));
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, 500, TimeSpan.Zero);
    }
}
