using System.Text.RegularExpressions;

namespace CrunSharp.Architecture.Tests;

/// <summary>Files stay small, and nothing is called by a name that says nothing.</summary>
public sealed class SizeTests
{
    private const int MostLines = 400;

    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> Longer = [];

    private static readonly string[] EmptyWords = ["Util", "Utils", "Utility", "Utilities", "Helper", "Helpers", "Common", "Misc"];

    [Test]
    public void A_file_is_shorter_than_400_lines_or_has_a_reason_not_to_be()
    {
        var tooLong = Repository.CSharpFiles.Where(static file => LinesOf(file) >= MostLines && !Longer.ContainsKey(file))
            .Select(static file => $"{file}: {LinesOf(file)} lines");
        Assert.That(tooLong, Is.Empty);
    }

    [Test]
    public void A_reason_goes_when_its_file_is_short_again() =>
        Assert.That(Longer.Keys.Where(static file => !Repository.CSharpFiles.Contains(file) || LinesOf(file) < MostLines), Is.Empty);

    [Test]
    public void No_folder_has_a_name_that_says_nothing()
    {
        var folders = Repository.CSharpFiles.SelectMany(static file => Path.GetDirectoryName(file)!.Split('/', '.')).Distinct();
        Assert.That(folders.Where(static folder => EmptyWords.Contains(folder, StringComparer.OrdinalIgnoreCase)), Is.Empty);
    }

    [Test]
    public void No_type_has_a_name_that_says_nothing()
    {
        var declaration = new Regex(@"^\s*(?:(?:public|internal|private|protected|file|sealed|static|abstract|partial|readonly|ref|unsafe)\s+)*(?:class|struct|record struct|record|interface|enum)\s+(\w+)", RegexOptions.Multiline);
        var word = new Regex("[A-Z][a-z0-9]+");
        var names = from file in Repository.CSharpFiles
                    from Match match in declaration.Matches(File.ReadAllText(Path.Combine(Repository.Root, file)))
                    let name = match.Groups[1].Value
                    where word.Matches(name).Any(static part => EmptyWords.Contains(part.Value))
                    select $"{file}: {name}";
        Assert.That(names, Is.Empty);
    }

    private static int LinesOf(string file) => File.ReadLines(Path.Combine(Repository.Root, file)).Count();
}
