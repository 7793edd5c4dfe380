using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Output;

namespace CrunSharp.Cli.Tests.Output;

public class ListFormatTests
{
    private static readonly DateTimeOffset Now = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly ContainerRow[] Rows =
    [
        new()
        {
            Id = new string('a', 64),
            Names = ["web"],
            Image = "nginx:latest",
            Command = "nginx -g daemon off;",
            Created = Now.AddHours(-3),
            State = "running",
            Started = Now.AddSeconds(-5),
            Ports =
            [
                new("0.0.0.0", 8000, 80, "tcp"), new("0.0.0.0", 8001, 81, "tcp"), new("::", 8000, 80, "tcp"), new("::", 8001, 81, "tcp"),
                new(null, 0, 443, "tcp"),
            ],
            Labels = [new("com.example.team", "a"), new("b", "2")],
        },
        new()
        {
            Id = new string('b', 64),
            Names = ["db"],
            Image = "sha256:" + new string('c', 64),
            Command = "a very long command line with words",
            Created = Now.AddDays(-3),
            State = "exited",
            ExitCode = 137,
            Finished = Now.AddMinutes(-1),
        },
    ];

    [TestCase("table", null)]
    [TestCase("template-table", "table {{.ID}}\\t{{.Names}}\\t{{.Label \"com.example.team\"}}")]
    [TestCase("template", "{{.ID}}\\t{{.Names}} {{.Status}}{{if .Ports}} {{.Ports}}{{end}}")]
    [TestCase("json", "json")]
    [TestCase("json-template", "{{json .}}")]
    public void Containers_are_listed(string name, string? format)
    {
        var output = new StringWriter { NewLine = "\n" };
        new ListFormat<ContainerRow>(ContainerColumns.All(new Clock(), truncate: true)).Write(output, Rows, format, ContainerColumns.Shown);
        Golden.Check($"lists/ps-{name}.txt", output.ToString());
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
