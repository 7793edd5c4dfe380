using System.Diagnostics;
using CrunSharp.Build.Steps;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Steps;

public class ModeChangeTests
{
    private static readonly string[] Texts =
    [
        "0", "644", "0755", "4750", "1777", "07777",
        "u=rwX,go=rX", "a=rX", "+x", "-x", "+X", "a+X", "go-rwx", "go=", "u+s", "g+s", "ug+s,+t", "+t", "u=rwx", "a=rw",
        "g=u", "o=g", "go=u-w", "u=g,g=o", "ug=rw,o=r", "u+rw-x", "a-w+x", "o+u", "g-u", "=rx", "u=rwx,g=rx,o=",
    ];

    // GNU chmod(1) keeps the set-id bits of directories, which neither POSIX nor BuildKit asks for.
    [TestCaseSource(nameof(Texts))]
    public void Files_get_the_modes_that_chmod_gives(string text)
    {
        var file = Path.GetTempFileName();
        try
        {
            foreach (var mode in (uint[])[0, 0x1a4, 0x1ed, 0x180, 0x1c0, 0x49, 0x124, 0x1ff, 0x8 | 0x180])
            {
                File.SetUnixFileMode(file, (UnixFileMode)mode);
                using var chmod = Process.Start("sh", ["-c", $"umask 022; chmod -- '{text}' '{file}' 2>&1"]);
                chmod.WaitForExit();
                Assert.That(Octal(ModeChange.Parse(text).Apply(mode, isDirectory: false)), Is.EqualTo(Octal((uint)File.GetUnixFileMode(file))), Octal(mode));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestCase("u=rwX,go=rX", "600", "755")]
    [TestCase("u=rwX,go=rX", "2770", "755")]
    [TestCase("+X", "644", "755")]
    [TestCase("a-x", "755", "644")]
    [TestCase("go=", "1777", "1700")]
    [TestCase("g=u", "1750", "1770")]
    [TestCase("g+s", "755", "2755")]
    public void Directories_are_passable_where_X_says_so(string text, string mode, string made) =>
        Assert.That(Octal(ModeChange.Parse(text).Apply(Convert.ToUInt32(mode, 8), isDirectory: true)), Is.EqualTo(made));

    [Test]
    public void X_looks_at_the_mode_before_all_changes() =>
        Assert.That(Octal(ModeChange.Parse("a=rw,+X").Apply(0x1ed, isDirectory: false)), Is.EqualTo("777"));

    [TestCase("8")]
    [TestCase("99")]
    [TestCase("10000")]
    [TestCase("0644x")]
    [TestCase("0x1")]
    public void A_number_is_octal_and_in_range(string text) =>
        Assert.That(() => ModeChange.Parse(text), Throws.TypeOf<CrunException>().With.Message.EqualTo(
            $"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"));

    [TestCase("")]
    [TestCase("u")]
    [TestCase("rwx")]
    [TestCase("u=rwx,")]
    [TestCase(",u=rwx")]
    [TestCase("u=rwx,,g=x")]
    [TestCase("u=rwz")]
    [TestCase("z=r")]
    [TestCase("u=r g=r")]
    [TestCase("u=r\0")]
    [TestCase("-1")]
    [TestCase("+755")]
    public void What_chmod_does_not_understand_is_refused(string text) =>
        Assert.That(() => ModeChange.Parse(text), Throws.TypeOf<CrunException>().With.Message.EqualTo(
            $"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777, or symbolic as for chmod(1)"));

    private static string Octal(uint mode) => Convert.ToString(mode, 8);
}
