using System.Diagnostics;
using CrunSharp.LaunchStress;

// LaunchStress DIRECTORY [CONTAINERS [SECONDS]]: starts containers while the collector is kept busy. 0 when all ended
// well, in time, and nothing of them is left.
if (args.Length is 0 or > 3)
{
    Console.Error.WriteLine("usage: LaunchStress DIRECTORY [CONTAINERS [SECONDS]]");
    return 2;
}
var count = args.Length > 1 ? int.Parse(args[1]) : 1000;
var limit = TimeSpan.FromSeconds(args.Length > 2 ? int.Parse(args[2]) : 300);
var watch = Stopwatch.StartNew();

using var bed = new TestBed(args[0]);
var warmUp = new Starter(bed, 0, 4);
warmUp.Start();
if (warmUp.WaitUntilDone(limit) is { } early) return Fail($"before there is any pressure: {early}");
var before = Traces.Take(bed);

var pressure = Pressure.Begin();
// Two at a time, so that starts also meet each other.
Starter[] starters = [new(bed, 0, count / 2), new(bed, count / 2, count - (count / 2))];
foreach (var starter in starters) starter.Start();
foreach (var starter in starters)
{
    // A hanging start cannot be ended from here: the process ends, and its threads and children with it.
    if (starter.WaitUntilDone(limit - watch.Elapsed) is { } failure) return Fail(failure);
}
pressure.End();

if (Traces.Take(bed).Since(before) is { Count: > 0 } left) return Fail("left behind:\n" + string.Join('\n', left));
Console.WriteLine($"{count} containers in {watch.Elapsed.TotalSeconds:F1} s, slowest {starters.Max(static starter => starter.Slowest.TotalMilliseconds):F0} ms; {pressure}");
return 0;

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 1;
}
