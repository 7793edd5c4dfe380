using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests;

public class ThreadedSinkTests
{
    private const int Much = 40 * 1024 * 1024 + 17;

    [Test]
    public void What_is_written_arrives_as_it_was_written([Values(1000, 65_536, 300_000, Much)] int most)
    {
        var content = new byte[Much];
        var random = new Random(7);
        random.NextBytes(content);
        using var arrived = new MemoryStream(Much);
        using var sink = new ThreadedSink(arrived);
        for (var at = 0; at < Much;)
        {
            var count = Math.Min(Much - at, most == Much ? Much : random.Next(most) + 1);
            sink.Write(content.AsSpan(at, count));
            at += count;
        }
        sink.Finish();
        Assert.That(arrived.GetBuffer().AsSpan(0, (int)arrived.Length).SequenceEqual(content));
    }

    [Test]
    public void A_failure_is_told_to_who_writes()
    {
        using var full = new MemoryStream(new byte[20 * 1024 * 1024]);
        using var sink = new ThreadedSink(full);
        var piece = new byte[1024 * 1024];
        Assert.Throws<CrunException>(() =>
        {
            for (var i = 0; i < 40; i++) sink.Write(piece);
            sink.Finish();
        });
    }

    [Test]
    public void It_may_end_before_all_is_written()
    {
        using var arrived = new MemoryStream();
        var sink = new ThreadedSink(arrived);
        for (var i = 0; i < 30; i++) sink.Write(new byte[1024 * 1024 - 1]);
        sink.Dispose();
        Assert.That(arrived.Length, Is.GreaterThan(16 * 1024 * 1024));
    }
}
