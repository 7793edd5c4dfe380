using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Runtime.Tests.Lifecycle;

/// <summary>What annotations of crun's say in the specification's words.</summary>
public class CrunAnnotationsTests
{
    private static readonly SeccompSpec AllowAll = new() { DefaultAction = "SCMP_ACT_ALLOW", Flags = ["SECCOMP_FILTER_FLAG_LOG"] };

    private static RuntimeSpec Spec(string name, string value, SeccompSpec? seccomp = null, IReadOnlyDictionary<string, TimeOffset>? offsets = null) => new()
    {
        OciVersion = "1.0.2",
        Annotations = new Dictionary<string, string> { [name] = value },
        Linux = new LinuxSpec { Seccomp = seccomp, TimeOffsets = offsets, Namespaces = [new NamespaceSpec { Type = "time" }] },
    };

    private static string Refusal(RuntimeSpec spec) => Assert.Throws<CrunException>(() => CrunAnnotations.Apply(spec))!.Message;

    [Test]
    public void What_has_none_of_them_stays_as_it_is()
    {
        var spec = Spec("org.example", "x", AllowAll);
        Assert.That(CrunAnnotations.Apply(spec), Is.SameAs(spec));
        spec = spec with { Annotations = null };
        Assert.That(CrunAnnotations.Apply(spec), Is.SameAs(spec));
        spec = Spec("run.oci.handler", "");
        Assert.That(CrunAnnotations.Apply(spec), Is.SameAs(spec));
    }

    [TestCase("run.oci.handler", "wasm")]
    [TestCase("run.oci.seccomp.plugins", "/lib/a.so")]
    public void Libraries_of_cruns_are_refused(string name, string value) =>
        Assert.That(Refusal(Spec(name, value)), Is.EqualTo($"annotation {name}: \"{value}\" is a library that only crun loads: remove the annotation, or use crun"));

    [Test]
    public void The_receiver_is_the_listeners_path_where_there_is_none()
    {
        const string name = "run.oci.seccomp.receiver";
        Assert.That(CrunAnnotations.Apply(Spec(name, "/socket", AllowAll)).Linux!.Seccomp!.ListenerPath, Is.EqualTo("/socket"));
        Assert.That(CrunAnnotations.Apply(Spec(name, "/socket", AllowAll with { ListenerPath = "/own" })).Linux!.Seccomp!.ListenerPath, Is.EqualTo("/own"));
        Assert.That(CrunAnnotations.Apply(Spec(name, "/socket")).Linux!.Seccomp, Is.Null);
        Assert.That(Refusal(Spec(name, "socket", AllowAll)), Is.EqualTo("annotation run.oci.seccomp.receiver: \"socket\" is no absolute path"));
    }

    [TestCase("monotonic 5 6", "monotonic:5:6")]
    [TestCase("7 -5 0\nmonotonic 1 0\n", "boottime:-5:0 monotonic:1:0")]
    public void Time_offsets_are_those_of_procfs(string text, string expected)
    {
        var offsets = CrunAnnotations.Apply(Spec("run.oci.timens_offset", text)).Linux!.TimeOffsets!;
        Assert.That(string.Join(' ', offsets.Select(static o => $"{o.Key}:{o.Value.Secs}:{o.Value.Nanosecs}")), Is.EqualTo(expected));
    }

    [Test]
    public void Time_offsets_of_the_specification_come_first()
    {
        var own = new Dictionary<string, TimeOffset> { ["boottime"] = new TimeOffset { Secs = 1 } };
        var offsets = CrunAnnotations.Apply(Spec("run.oci.timens_offset", "boottime 2 0 monotonic 3 0", offsets: own)).Linux!.TimeOffsets!;
        Assert.That((offsets["boottime"].Secs, offsets["monotonic"].Secs), Is.EqualTo((1, 3)));
    }

    [TestCase("realtime 1 0")]
    [TestCase("boottime 1")]
    [TestCase("boottime x 0")]
    [TestCase("boottime 1 1000000000")]
    public void Time_offsets_that_are_none_are_refused(string text) =>
        Assert.That(Refusal(Spec("run.oci.timens_offset", text)), Does.StartWith($"annotation run.oci.timens_offset: \"{text}\" is not CLOCK SECONDS NANOSECONDS"));

    [Test]
    public void Time_offsets_need_a_namespace()
    {
        var spec = Spec("run.oci.timens_offset", "boottime 1 0");
        Assert.That(Refusal(spec with { Linux = new LinuxSpec() }), Is.EqualTo("annotation run.oci.timens_offset: time offsets need a new time namespace"));
    }

    [Test]
    public void A_program_of_the_kernels_is_taken_as_it_is()
    {
        byte[] program = [6, 0, 0, 0, 0, 0, 0xff, 0x7f];
        var spec = Spec("run.oci.seccomp_bpf_data", Convert.ToBase64String(program), AllowAll);
        var filter = CrunAnnotations.Filter(spec)!;
        Assert.That(filter.Program.ToArray(), Is.EqualTo(program));
        Assert.That(filter.Flags, Is.EqualTo(SeccompFilterFlags.SECCOMP_FILTER_FLAG_LOG));
        Assert.That(CrunAnnotations.Filter(Spec("other", "x", AllowAll)), Is.Null);
        var received = new Dictionary<string, string>(spec.Annotations!) { ["run.oci.seccomp.receiver"] = "/socket" };
        spec = CrunAnnotations.Apply(spec with { Annotations = received, Linux = new LinuxSpec() });
        Assert.That(CrunAnnotations.Filter(spec)!.Notifies, Is.True);
        Assert.That(spec.Linux!.Seccomp!.ListenerPath, Is.EqualTo("/socket"));
    }

    [TestCase("not base64!", "it is not base64")]
    [TestCase("AAAA", "3 bytes are no program: each instruction has 8, and there are 1 to 4096")]
    public void What_is_no_program_is_refused(string text, string reason) =>
        Assert.That(Assert.Throws<CrunException>(() => CrunAnnotations.Filter(Spec("run.oci.seccomp_bpf_data", text)))!.Message,
            Is.EqualTo($"annotation run.oci.seccomp_bpf_data: {reason}"));

    [Test]
    public void Files_of_hooks_are_relative_to_the_bundle()
    {
        var annotations = new Dictionary<string, string> { ["run.oci.hooks.stdout"] = "out", ["run.oci.hooks.stderr"] = "/tmp/err" };
        Assert.That(CrunAnnotations.HookFiles(annotations, "/bundle"), Is.EqualTo(new HookFiles("/bundle/out", "/tmp/err")));
        Assert.That(CrunAnnotations.HookFiles(null, "/bundle"), Is.EqualTo(default(HookFiles)));
    }
}
