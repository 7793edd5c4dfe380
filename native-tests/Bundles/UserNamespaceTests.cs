using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Containers with a user namespace of their own, and the runtime in one, as engines without root run it.</summary>
public sealed class UserNamespaceTests : BundleTest
{
    private static void WithUserNamespace(JsonObject config)
    {
        var linux = config["linux"]!.AsObject();
        linux["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "user" });
        foreach (var name in (string[])["uidMappings", "gidMappings"])
            linux[name] = new JsonArray(new JsonObject { ["containerID"] = 0, ["hostID"] = 100000, ["size"] = 65536 });
    }

    [Test]
    public void A_container_has_its_own_users_in_create_start_exec_and_delete()
    {
        StartSleeper("mapped", WithUserNamespace);
        Assert.That(Run("exec", "mapped", "sh", "-c", "id -u; cat /proc/self/uid_map; stat -c %u /dev").Out, Is.EqualTo("0\n         0     100000      65536\n0\n"));
        Assert.That(World.Shell($"awk '/^Uid/ {{print $2}}' /proc/{World.StateOf("mapped")["pid"]}/status").Out, Is.EqualTo("100000\n"));
        Run("delete", "--force", "mapped").Succeeded();
    }

    [Test]
    public void The_runtime_works_in_a_user_namespace_that_has_one_user()
    {
        if (!World.IsOurs) Assert.Ignore("runc ignores cgroups by another option");
        var bundle = World.Bundle("id -u; echo x > /dev/null && ls -l /dev/null | cut -c1; cat /proc/self/setgroups", static config =>
        {
            config["process"]!["rlimits"] = null;
            // As engines do where there is no such group.
            foreach (var mount in config["mounts"]!.AsArray())
            {
                var options = mount!["options"]?.AsArray();
                if (options?.FirstOrDefault(static option => option!.GetValue<string>() == "gid=5") is { } group) options.Remove(group);
            }
            config["linux"]!["resources"] = null;
        });
        var outcome = World.Shell($"chmod 755 {bundle}; unshare -Urm $R --cgroup-manager=disabled run -b {bundle} inner");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((0, "0\nc\ndeny\n", "")));
    }
}
