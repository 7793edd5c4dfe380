using System.Text;

namespace CrunSharp.Cli.Tests.Commands;

/// <summary><c>system check</c>, <c>system df</c> and <c>system prune</c>, on a store in a directory of its own.</summary>
public class DiskCommandTests : StoreCommandTest
{
    [Test]
    public void An_empty_store_is_right_and_takes_no_room()
    {
        Assert.That(Session.Succeed("docker", "system", "check"), Is.EqualTo("0 images, 0 names, 0 layers, 0 files of content, 0B read: all right\n"));
        Assert.That(Session.Succeed("docker", "system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"), Is.EqualTo("Images 0 0\nContainers 0 0\nLocal Volumes 0 0\nBuild Cache 0 0\n"));
        Assert.That(Session.Succeed("docker", "system", "prune", "-af"), Is.EqualTo("Total reclaimed space: 0B\n"));
        Assert.That(Session.Succeed("docker", "system", "df", "-v"), Does.Match(
            "^Images space usage:\n\nREPOSITORY .*\n\nContainers space usage:\n\nCONTAINER ID .*\n\nLocal Volumes space usage:\n\nVOLUME NAME .*\n\nBuild cache usage: 0B\n\nCACHE ID .*\n$"));
    }

    [Test]
    public void What_is_found_is_a_table_and_an_exit_code()
    {
        Session.Succeed("docker", "system", "check");
        File.WriteAllText($"{Root}/store/blobs/sha256/stray", "x");
        const string found = "KIND       NAME                 PROBLEM\nleftover   blobs/sha256/stray   nothing of this store has such a name\n";
        Assert.That(Session.Run("docker", "system", "check"), Is.EqualTo((1, found + "0 images, 0 names, 0 layers, 0 files of content, 0B read: 1 finding\n")));
        Assert.That(Session.Run("docker", "system", "check", "--format", "{{.Kind}} {{.Name}} {{.Mended}}"), Is.EqualTo((1, "leftover blobs/sha256/stray false\n")));
        var (code, text) = Session.Run("docker", "system", "check", "--repair");
        Assert.That((code, text.Split('\n')[1..^1]), Is.EqualTo((0, (string[])[
            "leftover   blobs/sha256/stray   nothing of this store has such a name   removed",
            "0 images, 0 names, 0 layers, 0 files of content, 0B read: 1 finding, all mended"])));
        Assert.That(Session.Run("docker", "system", "check").Code, Is.Zero);
    }

    [TestCase("label=a=1", "other")]
    [TestCase("label!=a=1", "kept")]
    [TestCase("label!=a", "kept")]
    public void Labels_choose_what_a_prune_keeps(string filter, string kept)
    {
        Session.Succeed("docker", "volume", "create", "--label", "a=1", "kept");
        Session.Succeed("docker", "volume", "create", "other");
        Session.Succeed("docker", "volume", "prune", "-af", "--filter", filter);
        Assert.That(Session.Succeed("docker", "volume", "ls", "-q"), Is.EqualTo(kept + "\n"));
    }

    [TestCase("", "all stopped containers|all networks not used by at least one container|all dangling images|unused build cache")]
    [TestCase("-a", "all stopped containers|all networks not used by at least one container|all images without at least one container associated to them|all build cache")]
    [TestCase("--volumes", "all stopped containers|all networks not used by at least one container|all anonymous volumes not used by at least one container|all dangling images|unused build cache")]
    public void Prune_warns_of_what_goes(string option, string lines)
    {
        Session.Input = Encoding.UTF8.GetBytes("no\n");
        var text = Session.Succeed(["docker", "system", "prune", .. option.Length == 0 ? (string[])[] : [option]]);
        Assert.That(text, Is.EqualTo($"WARNING! This will remove:\n{string.Concat(lines.Split('|').Select(static l => $"  - {l}\n"))}\nAre you sure you want to continue? [y/N] "));
    }
}
