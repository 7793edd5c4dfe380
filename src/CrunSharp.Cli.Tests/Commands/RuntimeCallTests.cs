using CrunSharp.Cli.Commands.Bundles;

namespace CrunSharp.Cli.Tests.Commands;

public class RuntimeCallTests
{
    [TestCase("--log f --log-format json create --bundle b c", true)]
    [TestCase("--root r --log=f state c", true)]
    [TestCase("--systemd-cgroup create --bundle b c", true)]
    [TestCase("create --bundle b --pid-file p c", true)]
    [TestCase("run --bundle=b c", true)]
    [TestCase("run -b b c", true)]
    [TestCase("exec --pid-file f --process p --detach c", true)]
    [TestCase("state nobody", true)]
    [TestCase("delete --force nobody", true)]
    [TestCase("features", true)]
    [TestCase("checkpoint --help", true)]
    [TestCase("checkpoint --image-path p c", true)]
    [TestCase("restore --bundle b --detach c", true)]
    [TestCase("start known", true)]
    [TestCase("kill known 15", true)]
    [TestCase("kill --all known 9", true)]
    [TestCase("--root other start known", false)]
    [TestCase("start web", false)]
    [TestCase("kill web", false)]
    [TestCase("exec -it web sh", false)]
    [TestCase("run --rm busybox sh -b --bundle", false)]
    [TestCase("create --name x busybox", false)]
    [TestCase("ps -a", false)]
    [TestCase("images", false)]
    [TestCase("--version", false)]
    [TestCase("", false)]
    public void Who_calls_as_an_engine_calls_runc_gets_a_runtime(string line, bool expected) => Assert.That(
        RuntimeCall.IsMeant(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), static (root, id) => root is null && id == "known"), Is.EqualTo(expected));
}
