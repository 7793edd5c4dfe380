using System.Text;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Templates;

public class TemplateTests
{
    private static readonly object? Document = DomJson.Read(File.ReadAllBytes(Golden.Path("templates/document.json")), static name => name == "Endpoints");

    /// <remarks>
    /// The results are those of docker 28's <c>context inspect -f</c>, with these differences: whole and broken numbers
    /// compare; objects can be ranged over; errors name no Go types, and some name another place.
    /// </remarks>
    [Test]
    public void Templates_give_what_docker_gives()
    {
        var actual = new StringBuilder();
        foreach (var line in File.ReadLines(Golden.Path("templates/results.txt")))
        {
            if (line.Length == 0 || line.StartsWith("= ", StringComparison.Ordinal) || line is "=" || line.StartsWith("! ", StringComparison.Ordinal)) continue;
            actual.Append(line).Append('\n').Append(Run(line)).Append("\n\n");
        }
        actual.Length--;
        Golden.Check("templates/results.txt", actual.ToString());
    }

    [TestCase("{{index .Labels \"com.example.a\"}}", "1")]
    [TestCase("{{.Labels.none}}", "<no value>")]
    [TestCase("{{index .Labels \"none\"}}", "")]
    [TestCase("{{if .Config.Healthcheck}}{{print .State.Health.Status}}{{end}}", "")]
    [TestCase("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n")]
    [TestCase("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "3000")]
    [TestCase("{{range $p, $c := .Ports}}{{$p}} -> {{(index $c 0).HostPort}} {{end}}", "443/tcp -> 3001 80/tcp -> 3000 ")]
    [TestCase("{{with index .Ports \"81/tcp\"}}x{{else}}none{{end}}", "none")]
    [TestCase("{{.Labels}}", "map[a:2 com.example.a:1]")]
    [TestCase("{{join .Config.Env \",\"}}", "A=1,B=2")]
    [TestCase("{{len .Config.Mounts}}", "0")]
    public void Containers_can_be_asked(string template, string result)
    {
        var document = DomJson.Read("""
            {"Labels": {"com.example.a": "1", "a": "2"}, "Config": {"Env": ["A=1", "B=2"]}, "State": {},
             "Ports": {"80/tcp": [{"HostPort": "3000"}], "443/tcp": [{"HostPort": "3001"}]}}
            """u8.ToArray(), DockerFields.IsMap);
        Assert.That(Template.Parse(template).Execute(document), Is.EqualTo(result));
    }

    [Test]
    public void A_template_that_is_nested_without_end_is_refused()
    {
        Assert.That(() => Template.Parse(string.Concat(Enumerable.Repeat("{{if 1}}", 5000))), Throws.TypeOf<CrunException>());
        Assert.That(() => Template.Parse("{{" + new string('(', 5000)), Throws.TypeOf<CrunException>());
        Assert.That(() => Template.Parse("{{if 1}}" + string.Concat(Enumerable.Repeat("{{else if 1}}", 5000))), Throws.TypeOf<CrunException>());
    }

    [Test]
    public void Any_text_is_a_template_or_is_refused_with_a_message()
    {
        var random = new Random(7);
        string[] parts = ["{{", "}}", "-", " ", ".Name", "(", ")", "|", "$x", ":=", "range", "if", "end", "else", "\"a\"", "`", "'", "1.5", "printf", "index", ".", ",", "\\", "%", "/*", "*/", "\n", "with", "0x", "e", "json"];
        for (var i = 0; i < 20_000; i++)
        {
            var text = "{{" + string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => parts[random.Next(parts.Length)]));
            try
            {
                Template.Parse(text).Execute(Document);
            }
            catch (CrunException error)
            {
                Assert.That(error.Message, Does.StartWith("template").And.Contains(":"), text);
            }
        }
    }

    private static string Run(string template)
    {
        try
        {
            return "= " + Template.Parse(template).Execute(Document).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        }
        catch (CrunException error)
        {
            return "! " + error.Message.Replace("template parsing error: ", "", StringComparison.Ordinal);
        }
    }
}
