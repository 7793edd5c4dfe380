using CrunSharp.Cli.CommandLine;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>run</c>: makes a container of a bundle and starts it.</summary>
internal sealed class RunBundleCommand : CreateBundleCommand
{
    private static readonly Option[] Table =
    [
        .. CreateTable,
        new Flag<RunBundleCommand>("detach", 'd', "Leave it running", static (o, v) => o._detach = v),
        new Flag<RunBundleCommand>("keep", '\0', "Keep its state when it has ended", static (o, v) => o._keep = v),
    ];

    private bool _detach;
    private bool _keep;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var bundle = Bundle.Load(BundlePath, ConfigPath);
        var hasTerminal = bundle.Spec.Process?.Terminal == true;
        CheckTerminal(hasTerminal, ConsoleSocket, _detach);
        if (RunInUserNamespace(context, bundle) is { } code) return code;
        using var session = _detach ? null : ForegroundSession.Begin(hasTerminal);
        var creation = Create(context, operands[0], bundle, session?.Streams, starts: true);
        using var process = creation.Process;
        using var container = creation.Container;
        try
        {
            Tell(context, container);
            session?.Take(creation.Terminal);
            using var readiness = Readiness.Listen(container, context.Variable(Readiness.Variable));
            using (creation) creation.Start();
            if (session is null)
            {
                readiness?.Wait(process);
                return ExitCodes.Success;
            }
            var telling = readiness is null ? null : new Thread(() => readiness.Wait(process)) { IsBackground = true };
            telling?.Start();
            var end = session.Wait(process);
            telling?.Join();
            return end;
        }
        catch
        {
            container.Delete(force: true);
            process.Reap();
            throw;
        }
        finally
        {
            if (!_detach && !_keep) DeleteQuietly(context, container);
        }
    }

    private void DeleteQuietly(CommandContext context, RuntimeContainer container)
    {
        if (!Directory.Exists(container.Path)) return;
        container.Delete(force: true);
        Tell(context, container);
    }
}
