using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Dockerfile;

/// <summary>
/// A case is a directory with a Dockerfile and what reading it gives. With GOLDEN_WRITE=1 the results are rewritten in the
/// source folder, to be looked at in a diff.
/// </summary>
public class GoldenTests
{
    private static IEnumerable<string> Positive => Cases("cases");

    private static IEnumerable<string> Negative => Cases("cases-negative");

    [TestCaseSource(nameof(Positive))]
    public void A_Dockerfile_is_read(string name) =>
        Check("cases", name, "result", Print(Parser.Parse(Source("cases", name))));

    [TestCaseSource(nameof(Negative))]
    public void A_wrong_Dockerfile_is_refused_with_its_place(string name)
    {
        var error = Assert.Throws<CrunException>(() => Parser.Parse(Source("cases-negative", name)))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.InvalidInput));
        Check("cases-negative", name, "error", $"{error.Message}\n{DockerfileError.ExcerptOf(error)}");
    }

    private static IEnumerable<string> Cases(string folder) =>
        Directory.GetDirectories(Path.Combine(TestContext.CurrentContext.TestDirectory, folder)).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private static DockerfileSource Source(string folder, string name) =>
        new("Dockerfile", File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, folder, name, "Dockerfile")));

    private static void Check(string folder, string name, string file, string actual)
    {
        if (Environment.GetEnvironmentVariable("GOLDEN_WRITE") == "1")
        {
            var root = TestContext.CurrentContext.TestDirectory;
            while (!File.Exists(Path.Combine(root, "Runtime.sln"))) root = Path.GetDirectoryName(root)!;
            File.WriteAllText(Path.Combine(root, "src/CrunSharp.Build.Tests", folder, name, file), actual);
            return;
        }
        Assert.That(actual, Is.EqualTo(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, folder, name, file))));
    }

    private static string Print(ParsedDockerfile file)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in file.Directives) text.Append($"# {key}={value}\n");
        foreach (var arg in file.GlobalArguments) text.Append(Print(arg));
        foreach (var stage in file.Stages)
        {
            text.Append(Print(stage.From));
            foreach (var instruction in stage.Instructions) text.Append("  ").Append(Print(instruction));
        }
        return text.ToString();
    }

    private static string Print(Instruction instruction)
    {
        var text = new StringBuilder($"{instruction.Range} {instruction.Name}");
        switch (instruction)
        {
            case FromInstruction i: Fields(text, ("image", i.Image), ("as", i.StageName), ("platform", i.Platform)); break;
            case ArgInstruction i: Fields(text, [.. i.Arguments.Select(static a => (a.Name, (object?)(a.Default ?? "(none)")))]); break;
            case EnvInstruction i: Fields(text, [.. i.Variables.Select(static v => (v.Name, (object?)v.Value))]); break;
            case LabelInstruction i: Fields(text, [.. i.Labels.Select(static v => (v.Name, (object?)v.Value))]); break;
            case RunInstruction i:
                Fields(text, ("command", i.Command), ("network", i.Network), ("security", i.Security), ("mount", i.Mounts), ("device", i.Devices));
                Print(text, i.Heredocs);
                if (i.Heredocs.Count > 0) Fields(text, ("runs", i.CommandWithHeredocs));
                break;
            case TransferInstruction i:
                Fields(text, ("from", (i as CopyInstruction)?.From), ("sources", i.Sources), ("destination", i.Destination),
                    ("chown", i.Owner), ("chmod", i.Mode), ("exclude", i.Exclude), ("link", i.Link ? "true" : null),
                    ("parents", i is CopyInstruction { Parents: true } ? "true" : null), ("checksum", (i as AddInstruction)?.Checksum),
                    ("unpack", (i as AddInstruction)?.Unpack?.ToString()), ("keep-git-dir", i is AddInstruction { KeepGitDir: true } ? "true" : null));
                Print(text, i.Heredocs);
                break;
            case WorkdirInstruction i: Fields(text, ("path", i.Path)); break;
            case UserInstruction i: Fields(text, ("user", i.User)); break;
            case ExposeInstruction i: Fields(text, ("ports", i.Ports)); break;
            case VolumeInstruction i: Fields(text, ("paths", i.Paths)); break;
            case CmdInstruction i: Fields(text, ("command", i.Command)); break;
            case EntrypointInstruction i: Fields(text, ("command", i.Command)); break;
            case ShellInstruction i: Fields(text, ("shell", i.Shell)); break;
            case StopSignalInstruction i: Fields(text, ("signal", i.Signal)); break;
            case OnbuildInstruction i: Fields(text, ("trigger", i.Trigger)); break;
            case MaintainerInstruction i: Fields(text, ("author", i.Author)); break;
            case HealthcheckInstruction i:
                Fields(text, ("command", i.Command), ("interval", i.Interval), ("timeout", i.Timeout), ("start-period", i.StartPeriod),
                    ("start-interval", i.StartInterval), ("retries", i.Retries));
                break;
        }
        return text.Append('\n').ToString();
    }

    private static void Fields(StringBuilder text, params (string Name, object? Value)[] fields)
    {
        foreach (var (name, value) in fields)
        {
            var shown = value switch
            {
                null => null,
                IReadOnlyList<string> { Count: 0 } => null,
                IReadOnlyList<string> list => GoText.Quote(list),
                CommandForm form => $"{(form.IsShell ? "shell" : "exec")}{GoText.Quote(form.Words)}",
                string word => GoText.Quote(word),
                _ => value.ToString(),
            };
            if (shown is not null) text.Append($" {name}={shown}");
        }
    }

    private static void Print(StringBuilder text, IReadOnlyList<Heredoc> heredocs)
    {
        foreach (var h in heredocs)
            text.Append($" <<{GoText.Quote(h.Name)}(expand={h.Expand} strip={h.StripTabs} fd={h.FileDescriptor} {GoText.Quote(h.Content)})");
    }
}
