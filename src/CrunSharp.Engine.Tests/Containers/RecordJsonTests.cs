using System.Collections;
using System.Net;
using System.Reflection;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;
using CrunSharp.Oci.Images;
using ContainerConfig = CrunSharp.Engine.Containers.ContainerConfig;

namespace CrunSharp.Engine.Tests.Containers;

[TestFixture]
public class RecordJsonTests
{
    [Test]
    public void A_container_comes_back_with_all_that_was_asked_for()
    {
        var config = new ContainerConfig
        {
            Id = "id",
            Name = "name",
            Created = "created",
            Image = "image",
            ImageId = "imageId",
            Layers = ["layer"],
            Entrypoint = ["e"],
            Cmd = ["c", ""],
            Env = ["A=ü\n\"<"],
            WorkingDir = "/w",
            User = "u",
            Hostname = "h",
            Tty = true,
            OpenStdin = true,
            Attached = true,
            StartsAtOnce = true,
            Labels = new Dictionary<string, string> { ["l"] = "v" },
            StopSignal = "SIGINT",
            StopTimeout = -1,
            ExposedPorts = ["80/tcp"],
            Healthcheck = new HealthConfig { Test = ["CMD", "x"], Interval = 1, Timeout = 2, StartPeriod = 3, StartInterval = 4, Retries = 5 },
            Shell = ["sh", "-c"],
            Host = new HostOptions
            {
                IPv4Address = "10.1.0.5",
                NetworkAliases = ["other"],
                Mounts =
                [
                    new ContainerMount
                    {
                        Type = "volume", Name = "n", Source = "/s", Destination = "/d", ReadOnly = true, Propagation = "shared", NonRecursive = true,
                        NoCopy = true, IsAnonymous = true, Options = ["size=1"],
                    },
                ],
                Ports = [new PortForward { HostIp = IPAddress.Parse("::1"), HostPort = 65534, LastHostPort = 65535, ContainerPort = 80, Protocol = PortProtocol.Sctp }],
                Network = "none",
                Memory = long.MaxValue,
                NanoCpus = 2,
                PidsLimit = 3,
                ReadOnly = true,
                CapAdd = ["A"],
                CapDrop = ["B"],
                Privileged = true,
                Init = true,
                AutoRemove = true,
                ShmSize = 4,
                ExtraHosts = ["a:b"],
                Dns = ["d"],
                DnsSearch = ["example.org"],
                DnsOptions = ["ndots:2"],
                Ulimits = ["nofile=1"],
                NoNewPrivileges = true,
                Seccomp = "unconfined",
                Sysctls = new Dictionary<string, string> { ["s"] = "1" },
                Devices = ["/dev/null"],
                GroupAdd = ["g"],
                LogDriver = "none",
            },
        };
        foreach (var part in (object[])[config, config.Host, config.Host.Mounts[0], config.Host.Ports[0], config.Healthcheck!]) RequireEveryFieldSet(part);
        var json = ConfigJson.Config.Format(config);
        var read = ConfigJson.Config.Parse(json, "record");
        RequireSame(config, read, "$");
        Assert.That(ConfigJson.Config.Format(read), Is.EqualTo(json));
    }

    [Test]
    public void A_state_comes_back_with_its_endpoint()
    {
        var state = new ContainerState
        {
            Status = ContainerStatus.Running,
            Pid = 7,
            PidStartTime = ulong.MaxValue,
            BootId = "b",
            StartedAt = "s",
            FinishedAt = "f",
            ExitCode = 137,
            Error = "e",
            OomKilled = true,
            Endpoint = new EndpointRecord
            {
                NetworkName = "bridge",
                ContainerId = "id",
                Address = IPAddress.Parse("10.88.0.2"),
                PrefixLength = 16,
                Gateway = IPAddress.Parse("10.88.0.1"),
                MacAddress = "02:42",
                HostInterface = "veth",
                Ports = [new PortForward { HostPort = 1, ContainerPort = 2, Protocol = PortProtocol.Udp }],
                BootId = "b",
                Pid = 7,
                PidStartTime = 8,
                Hostname = "h",
                NetworkId = "n",
                Names = ["one"],
                IsInternal = true,
            },
        };
        foreach (var part in (object[])[state, state.Endpoint!]) RequireEveryFieldSet(part);
        RequireSame(state, EngineJson.State.Parse(EngineJson.State.Format(state), "record"), "$");
    }

    // A field that is new in a record and not in its table fails here.
    private static void RequireEveryFieldSet(object record)
    {
        foreach (var property in Fields(record))
        {
            var value = property.GetValue(record);
            Assert.That(value, Is.Not.Null.And.Not.EqualTo(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : ""), property.Name);
            if (value is not string and IEnumerable list) Assert.That(list, Is.Not.Empty, property.Name);
        }
    }

    private static void RequireSame(object expected, object actual, string path)
    {
        if (expected is string or ValueType or IPAddress or IDictionary)
        {
            Assert.That(actual, Is.EqualTo(expected), path);
            return;
        }
        if (expected is IEnumerable list)
        {
            object[] ours = [.. list.Cast<object>()], theirs = [.. ((IEnumerable)actual).Cast<object>()];
            Assert.That(theirs, Has.Length.EqualTo(ours.Length), path);
            for (var i = 0; i < ours.Length; i++) RequireSame(ours[i], theirs[i], $"{path}[{i}]");
            return;
        }
        foreach (var property in Fields(expected))
        {
            if (property.GetValue(expected) is { } value) RequireSame(value, property.GetValue(actual)!, $"{path}.{property.Name}");
        }
    }

    private static IEnumerable<PropertyInfo> Fields(object record) => record.GetType().GetProperties().Where(static p => p.CanWrite);
}
