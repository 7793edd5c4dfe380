using System.Text;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Oci.Tests.Runtime;

public class RuntimeSpecTests
{
    private static RuntimeSpec Parse(string json) => RuntimeSpec.Parse(Encoding.UTF8.GetBytes(json), "config.json");

    private static string Refusal(string json) => Assert.Throws<CrunException>(() => Parse(json))!.Message;

    private const string Process = """ "process": { "cwd": "/", "args": ["sh"] } """;

    [Test]
    public void A_document_survives_reading_and_writing()
    {
        const string json = """
            {"ociVersion":"1.3.0","root":{"path":"rootfs","readonly":true},
            "process":{"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":1,"gid":2,"umask":18,"additionalGids":[3]},
            "args":["sh"],"env":["A=ö"],"cwd":"/","capabilities":{"bounding":["CAP_KILL"]},
            "rlimits":[{"type":"RLIMIT_NOFILE","soft":18446744073709551615,"hard":18446744073709551615}],"noNewPrivileges":true,"oomScoreAdj":-500,
            "scheduler":{"policy":"SCHED_DEADLINE","nice":-3,"flags":["SCHED_FLAG_RECLAIM"],"runtime":9223372036854775809},
            "ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},"execCPUAffinity":{"initial":"0-1","final":"1"}},
            "hostname":"h","domainname":"d",
            "mounts":[{"destination":"/x","type":"none","source":"s","options":["bind","idmap"],"uidMappings":[{"containerID":0,"hostID":100000,"size":4294967295}],"gidMappings":[{"containerID":0,"hostID":1,"size":1}]}],
            "hooks":{"poststop":[{"path":"/bin/x","args":["x"],"timeout":3}]},"annotations":{"a":"b"},
            "linux":{"namespaces":[{"type":"uts"},{"type":"time"},{"type":"network","path":"/n"}],"timeOffsets":{"boottime":{"secs":-9,"nanosecs":5}},
            "netDevices":{"eth1":{"name":"eth%d"},"eth2":{}},"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]},
            "intelRdt":{"closID":"c","schemata":["L3:0=f"],"l3CacheSchema":"L3:0=f","memBwSchema":"MB:0=50","enableMonitoring":true},
            "personality":{"domain":"LINUX32"},"resources":{"network":{"classID":7,"priorities":[{"name":"lo","priority":1}]},"memory":{"limit":-1,"swappiness":0},
            "blockIO":{"throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":5}]},"unified":{"a.b":"c"}},
            "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"listenerPath":"/s","listenerMetadata":"m","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY","args":[{"index":1,"value":18446744073709551615,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]}]}}}
            """;
        var spec = Parse(json);
        var again = RuntimeSpec.Parse(spec.ToJson(), "again");
        Assert.That(Encoding.UTF8.GetString(again.ToJson()), Is.EqualTo(Encoding.UTF8.GetString(spec.ToJson())));
        var text = Encoding.UTF8.GetString(spec.ToJson());
        // Every name and value of the document is in what is written.
        foreach (var token in json.Split('{', '}', '[', ']', ',', '\n', ':', ' ').Where(static t => t.Length > 0))
            Assert.That(text, Does.Contain(token));
    }

    [Test]
    public void Nulls_are_absent_and_unknown_properties_ignored_and_a_byte_order_mark_skipped()
    {
        var spec = Parse("\uFEFF" + """
            {"ociVersion":"1.0.2-dev","nosuch":{"a":[null]},"hostname":null,"mounts":null,"process":{"terminal":null,"consoleSize":null,"user":{"uid":null,"umask":null},
            "args":["a"],"cwd":"/","oomScoreAdj":null,"rlimits":null},"linux":{"resources":{"memory":{"limit":null,"swappiness":null}},"namespaces":null,"netDevices":null}}
            """.Replace("[null]", "[1]", StringComparison.Ordinal));
        Assert.Multiple(() =>
        {
            Assert.That(spec.Process!.Terminal, Is.False);
            Assert.That(spec.Process.User!.Uid, Is.Zero);
            Assert.That(spec.Process.User.Umask, Is.Null);
            Assert.That(spec.Process.OomScoreAdj, Is.Null);
            Assert.That(spec.Linux!.Resources!.Memory!.Swappiness, Is.Null);
        });
    }

    [TestCase("{\n  \"ociVersion\": \"1.0.0\",\n  \"root\": }", "malformed at $.root (line 3, byte 11)")]
    [TestCase("{\"ociVersion\": \"1.0.0\"", "malformed at $.ociVersion (line 1, byte 23)")]
    [TestCase("{\"ociVersion\": \"1.0.0\",\n\"process\": {\"cwd\": 3}}", "malformed at $.process.cwd (line 2, byte 20): a string is expected, not a number")]
    [TestCase("{\"process\": {\"rlimits\": [{\"soft\": -1}]}}", "malformed at $.process.rlimits[0].soft (line 1, byte 35): the number is no whole one of 64 bits without a sign")]
    [TestCase("{\"process\": {\"rlimits\": [{\"soft\": 18446744073709551616}]}}", "malformed at $.process.rlimits[0].soft (line 1, byte 35): the number is no whole one of 64 bits without a sign")]
    [TestCase("{\"process\": {\"terminal\": \"yes\"}}", "malformed at $.process.terminal (line 1, byte 26): a boolean is expected, not a string")]
    [TestCase("{\n\"mounts\": [ null ]}", "malformed at $.mounts[0] (line 2, byte 13): an object is expected, not null")]
    [TestCase("null", "malformed at $ (line 1, byte 1): an object is expected, not null")]
    [TestCase("[]", "malformed at $ (line 1, byte 1): an object is expected, not a list")]
    [TestCase("", "malformed at $ (line 1, byte 1)")]
    [TestCase("{} x", "malformed at $ (line 1, byte 4)")]
    public void What_is_malformed_is_told_with_its_position(string json, string message) =>
        Assert.That(Refusal(json), Is.EqualTo("config.json: " + message));

    [TestCase("", "config.json: $.ociVersion: it is missing [config.md#specification-version]")]
    [TestCase("\"ociVersion\": \"2.0.0\"", "config.json: $.ociVersion: \"2.0.0\" is no version 1.x.y [config.md#specification-version]")]
    [TestCase("\"ociVersion\": \"1.0\"", "config.json: $.ociVersion: \"1.0\" is no version 1.x.y [config.md#specification-version]")]
    public void A_version_that_is_not_of_the_first_major_is_refused(string json, string message) =>
        Assert.That(Refusal($"{{{json}}}"), Is.EqualTo(message));

    [TestCase("\"root\": {}", "$.root.path: it is missing [config.md#root]")]
    [TestCase("\"process\": {\"args\": [\"x\"]}", "$.process.cwd: it is missing [config.md#process]")]
    [TestCase("\"process\": {\"args\": [\"x\"], \"cwd\": \"x\"}", "$.process.cwd: \"x\" is not absolute [config.md#process]")]
    [TestCase("\"process\": {\"cwd\": \"/\"}", "$.process.args: it is missing [config.md#process]")]
    [TestCase("\"process\": {\"args\": [\"x\"], \"cwd\": \"/\", \"rlimits\": [{\"type\": \"RLIMIT_CPU\"}, {\"type\": \"RLIMIT_CPU\"}]}", "$.process.rlimits[1]: RLIMIT_CPU is there twice [config.md#posix-process]")]
    [TestCase("\"process\": {\"args\": [\"x\"], \"cwd\": \"/\", \"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 8}}", "$.process.ioPriority.priority: 8 is not in 0 to 7 [config.md#linux-process]")]
    [TestCase("\"process\": {\"args\": [\"x\"], \"cwd\": \"/\", \"execCPUAffinity\": {\"initial\": \"3-1\"}}", "$.process.execCPUAffinity.initial: \"3-1\" is no list of numbers such as 0-3,7 [config.md#linux-process]")]
    [TestCase("\"process\": {\"args\": [\"x\"], \"cwd\": \"/\", \"scheduler\": {\"policy\": \"SCHED_NO\"}}", "$.process.scheduler.policy: \"SCHED_NO\" is not one of SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, SCHED_IDLE, SCHED_DEADLINE [config.md#linux-process]")]
    [TestCase("\"mounts\": [{}]", "$.mounts[0].destination: it is missing [config.md#mounts]")]
    [TestCase("\"hooks\": {\"prestart\": [{\"path\": \"x\"}]}", "$.hooks.prestart[0].path: \"x\" is not absolute [config.md#posix-platform-hooks]")]
    [TestCase("\"hooks\": {\"prestart\": [{\"path\": \"/x\", \"timeout\": 0}]}", "$.hooks.prestart[0].timeout: 0 is not greater than 0 [config.md#posix-platform-hooks]")]
    [TestCase("\"hostname\": \"x\"", "$.hostname: a host name needs a UTS namespace of the container's own [config.md#hostname]")]
    [TestCase("\"annotations\": {\"\": \"x\"}", "$.annotations: a key is empty [config.md#annotations]")]
    [TestCase("\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"pid\"}]}", "$.linux.namespaces[1]: the namespace type \"pid\" is there twice [config-linux.md#namespaces]")]
    [TestCase("\"linux\": {\"namespaces\": [{\"type\": \"net\"}]}", "$.linux.namespaces[0].type: \"net\" is not one of pid, network, mount, ipc, uts, user, cgroup, time [config-linux.md#namespaces]")]
    [TestCase("\"linux\": {\"namespaces\": [{\"type\": \"pid\", \"path\": \"x\"}]}", "$.linux.namespaces[0].path: \"x\" is not absolute [config-linux.md#namespaces]")]
    [TestCase("\"linux\": {\"uidMappings\": [{\"size\": 1}]}", "$.linux.uidMappings: id mappings need a user namespace [config-linux.md#user-namespace-mappings]")]
    [TestCase("\"linux\": {\"timeOffsets\": {\"monotonic\": {}}}", "$.linux.timeOffsets: time offsets need a new time namespace [config-linux.md#offset-for-time-namespace]")]
    [TestCase("\"linux\": {\"devices\": [{\"type\": \"x\", \"path\": \"/dev/x\"}]}", "$.linux.devices[0].type: \"x\" is not one of c, b, u, p [config-linux.md#devices]")]
    [TestCase("\"linux\": {\"rootfsPropagation\": \"x\"}", "$.linux.rootfsPropagation: \"x\" is no propagation [config-linux.md#rootfs-mount-propagation]")]
    [TestCase("\"linux\": {\"maskedPaths\": [\"x\"]}", "$.linux.maskedPaths[0]: \"x\" is not absolute [config-linux.md#masked-paths]")]
    [TestCase("\"linux\": {\"personality\": {\"domain\": \"LINUX\", \"flags\": [\"x\"]}}", "$.linux.personality.flags: \"x\" is no flag: none is defined [config-linux.md#personality]")]
    [TestCase("\"linux\": {\"seccomp\": {\"syscalls\": []}}", "$.linux.seccomp.defaultAction: it is missing [config-linux.md#seccomp]")]
    [TestCase("\"linux\": {\"seccomp\": {\"defaultAction\": \"x\", \"listenerMetadata\": \"m\"}}", "$.linux.seccomp.listenerMetadata: it needs a listenerPath [config-linux.md#seccomp]")]
    [TestCase("\"linux\": {\"memoryPolicy\": {\"mode\": \"x\"}}", "$.linux.memoryPolicy.mode: \"x\" is not one of MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_LOCAL [config-linux.md#memory-policy]")]
    [TestCase("\"linux\": {\"intelRdt\": {\"closID\": \"../x\"}}", "$.linux.intelRdt.closID: \"../x\" is no name of a class of service [config-linux.md#intelrdt]")]
    [TestCase("\"linux\": {\"netDevices\": {\"x\": {}}}", "$.linux.netDevices: moving network devices needs a network namespace of the container's own [config-linux.md#network-devices]")]
    public void What_the_specification_does_not_allow_is_refused_with_its_section(string json, string message) =>
        Assert.That(Refusal($"{{\"ociVersion\": \"1.2.0\", {json}}}"), Is.EqualTo("config.json: " + message));

    [TestCase("1.0.0"), TestCase("1.0.0-rc5"), TestCase("1.0.2-dev"), TestCase("1.2.1+dev"), TestCase("1.3.0"), TestCase("1.99.0")]
    public void Every_version_of_the_first_major_is_accepted(string version) =>
        Assert.That(Parse($"{{\"ociVersion\": \"{version}\", {Process}}}").OciVersion, Is.EqualTo(version));

    [Test]
    public void A_process_and_limits_can_be_read_by_themselves()
    {
        Assert.That(ProcessSpec.Parse("""{"args":["x"],"cwd":"/"}"""u8, "p").Args, Is.EqualTo((string[])["x"]));
        Assert.That(() => ProcessSpec.Parse("""{"args":["x"]}"""u8, "p"), Throws.TypeOf<CrunException>().With.Message.EqualTo("p: $.cwd: it is missing [config.md#process]"));
        Assert.That(ResourcesSpec.Parse("""{"pids":{"limit":3}}"""u8, "r").Pids!.Limit, Is.EqualTo(3));
    }

    [TestCase("0", "01"), TestCase("0-3,7", "8F"), TestCase("64", "000000000000000001")]
    public void A_list_of_numbers_becomes_a_mask(string list, string mask) =>
        Assert.That(Convert.ToHexString(NumberList.ToMask(list)), Does.StartWith(mask));
}
