namespace CrunSharp.Cli.Tests.CommandLine;

public class PersonalityTests
{
    [TestCase("crun-sharp", "crun-sharp")]
    [TestCase("/usr/bin/docker", "docker")]
    [TestCase("./docker-compose", "docker-compose")]
    [TestCase("/usr/sbin/runc", "runc")]
    [TestCase("/opt/crun-sharp-0.1", "crun-sharp")]
    [TestCase("", "crun-sharp")]
    public void The_name_that_the_program_is_called_by_decides(string path, string name) =>
        Assert.That(Personality.Of(path).Name, Is.EqualTo(name));
}
