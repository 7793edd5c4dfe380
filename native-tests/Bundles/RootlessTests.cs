using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Containers of a user other than root.</summary>
public sealed class RootlessTests : BundleTest
{
    private const string User = "setpriv --reuid 4321 --regid 4321 --clear-groups";

    private Outcome AsUser(string command) => World.Shell($"export XDG_RUNTIME_DIR={World.Files}/own; {User} {World.Runtime} {command}");

    [SetUp]
    public void OnlyOurs()
    {
        if (!World.IsOurs) Assert.Ignore("others refuse more, and need cgroups of the user's");
        // The way to the bundle, and the directory that a session of the user has.
        World.Shell($"chmod 755 {World.Directory} {World.Files} && mkdir -p own && chown 4321:4321 own").Succeeded();
    }

    private string RootlessBundle(string script, Action<JsonObject>? edit = null) => World.Bundle(script, config =>
    {
        var linux = config["linux"]!;
        linux["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "user" });
        foreach (var ids in (string[])["uidMappings", "gidMappings"])
            linux[ids] = new JsonArray(new JsonObject { ["containerID"] = 0, ["hostID"] = 4321, ["size"] = 1 });
        linux.AsObject().Remove("resources");
        foreach (var mount in config["mounts"]!.AsArray())
        {
            var options = mount!["options"]!.AsArray();
            for (var i = options.Count - 1; i >= 0; i--)
            {
                if (options[i]!.GetValue<string>().StartsWith("gid=", StringComparison.Ordinal)) options.RemoveAt(i);
            }
        }
        edit?.Invoke(config);
    });

    [Test]
    public void A_user_runs_a_container_in_a_user_namespace()
    {
        var bundle = RootlessBundle("id -u; cat /proc/self/uid_map | awk '{print $1, $2, $3}'; hostname; ls /proc | grep -c '^[0-9]'; echo x > /dev/null && exit 7");
        var outcome = AsUser($"run -b {bundle} mine </dev/null");
        Assert.That(outcome.Code, Is.EqualTo(7), outcome.Err);
        Assert.That(outcome.Out, Does.StartWith("0\n0 4321 1\n"));
        Assert.That(Directory.GetDirectories($"{World.Files}/own/crun-sharp/bundles"), Is.Empty);
    }

    [Test]
    public void Its_life_is_that_of_any_container()
    {
        var bundle = RootlessBundle("exec sleep 1000");
        AsUser($"create -b {bundle} --pid-file {World.Files}/own/pid life </dev/null >/dev/null 2>&1").Succeeded();
        Assert.That(JsonNode.Parse(AsUser("state life").Succeeded().Out)!["pid"]!.GetValue<int>(), Is.EqualTo(int.Parse(File.ReadAllText(World.Files + "/own/pid"))));
        AsUser("start life").Succeeded();
        Assert.That(AsUser("exec life sh -c 'id -u; ls /proc | grep -c ^1$'").Succeeded().Out, Is.EqualTo("0\n1\n"));
        Assert.That(AsUser("list -q").Out, Is.EqualTo("life\n"));
        AsUser("kill life KILL").Succeeded();
        Harness.World.Await(() => AsUser("state life").Out.Contains("stopped", StringComparison.Ordinal), "it has stopped");
        AsUser("delete life").Succeeded();
        Assert.That(Directory.GetDirectories($"{World.Files}/own/crun-sharp/bundles"), Is.Empty);
    }

    [Test]
    public void What_a_user_may_not_is_refused()
    {
        Assert.That(AsUser($"run -b {World.Bundle("true")} none </dev/null").Err, Does.Contain("a container of a user other than root needs a user namespace"));
        Assert.That(AsUser($"run -b {RootlessBundle("true", static config => config["linux"]!["uidMappings"]![0]!["hostID"] = 0)} root </dev/null").Err, Does.Contain("map ids"));
        Assert.That(AsUser($"run -b {RootlessBundle("true", static config => config["linux"]!["resources"] = new JsonObject { ["pids"] = new JsonObject { ["limit"] = 10 } })} limited </dev/null").Code, Is.EqualTo(1));
        // The variable that the second process has is nobody's way out of a user namespace.
        Assert.That(World.Shell($"export _CRUN_SHARP_USER_NAMESPACE=1; $R run -b {RootlessBundle("id")} out </dev/null").Err, Does.Contain("no process in a user namespace"));
    }
}
