using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>
/// A process that does nothing but be the first one of a scope, which systemd makes only around a process: so that the
/// container's own is born in its cgroup. It ends with this one.
/// </summary>
internal sealed class ScopePlaceholder : IDisposable
{
    private readonly Stage _stage;
    private readonly PidHandle _process;

    private ScopePlaceholder(Stage stage, PidHandle process) => (_stage, _process) = (stage, process);

    public int Pid => _process.Pid;

    public static ScopePlaceholder Start()
    {
        var plan = new StagePlan();
        plan.For("start the first process of the scope").Clone(0, null);
        plan.For("wait").Meet(1);
        using var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR);
        var stage = Stage.Start(plan, nothing, nothing, nothing);
        try
        {
            return new ScopePlaceholder(stage, stage.WaitForProcess());
        }
        catch
        {
            stage.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Send(Signal.SIGKILL.Number);
        _process.Reap();
        _process.Dispose();
        _stage.Dispose();
    }
}
