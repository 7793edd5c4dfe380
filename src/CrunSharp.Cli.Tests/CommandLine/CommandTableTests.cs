using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands;

namespace CrunSharp.Cli.Tests.CommandLine;

public class CommandTableTests
{
    private static IEnumerable<TestCaseData> Rows => CommandTable.Rows.Select(static row => new TestCaseData(row) { TestName = row.Paths });

    [TestCaseSource(nameof(Rows))]
    public void Options_are_in_order_and_their_names_differ(object boxed)
    {
        var options = ((CommandRow)boxed).Create().Options;
        Assert.That(options.Select(static o => o.Name), Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.Unique);
        Assert.That(options.Select(static o => o.Letter).Where(static c => c != '\0'), Is.Unique);
        Assert.That(options.Select(static o => o.Summary), Has.None.EndWith("."));
    }

    [Test]
    public void Every_path_leads_to_its_own_row()
    {
        foreach (var row in CommandTable.Rows)
        {
            foreach (var path in row.Paths.Split('|'))
            {
                Assert.That(Shell.Find(path.Split(' '), out var used)?.Paths, Is.EqualTo(row.Paths), path);
                Assert.That(used, Is.EqualTo(path.Split(' ').Length));
            }
        }
    }

    [Test]
    public void Help_fits_into_80_columns()
    {
        foreach (var row in CommandTable.Rows)
        {
            var text = new Session().Succeed(["crun-sharp", .. row.Paths.Split('|')[0].Split(' '), "--help"]);
            Assert.That(text.Split('\n').Where(static line => !line.StartsWith("  crun-sharp", StringComparison.Ordinal)).Max(static line => line.Length), Is.LessThanOrEqualTo(80), row.Paths);
        }
    }

    [Test]
    public void The_version_is_that_of_the_assembly() =>
        Assert.That(typeof(Shell).Assembly.GetName().Version?.ToString(3), Is.EqualTo(ProductVersion.Text));
}
