using System.Text;
using CrunSharp.Build.Graph;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>Where a COPY or ADD writes.</summary>
/// <param name="Upper">The new layer's directory.</param>
/// <param name="Lower">The layers beneath; null when there are none.</param>
/// <param name="Rules">Owner and permissions.</param>
/// <param name="Destination">The absolute destination, with its trailing slash.</param>
/// <param name="Writer">Writes there; it knows the hard links of all inputs before.</param>
/// <param name="Limits">How much an archive may unpack to.</param>
internal sealed record CopyTarget(SafeFileHandle Upper, LayerView? Lower, CopyRules Rules, string Destination, CopyWriter Writer, LayerLimits Limits);

/// <summary>Something that a COPY or ADD takes.</summary>
internal interface ICopyInput
{
    /// <summary>Adds all that its result depends on to a hash.</summary>
    void AppendTo(KeyHash hash, CopyRules rules);

    /// <summary>Writes it.</summary>
    Task WriteAsync(CopyTarget target, CancellationToken cancellationToken);
}

/// <summary>A file or a directory of a tree.</summary>
/// <param name="Tree">Where it is.</param>
/// <param name="Source">What it is.</param>
/// <param name="IsArchive">Whether it is unpacked.</param>
internal sealed record TreeInput(SourceTree Tree, CopySource Source, bool IsArchive) : ICopyInput
{
    public void AppendTo(KeyHash hash, CopyRules rules)
    {
        hash.Append(IsArchive ? "archive" : Source.IsDirectory ? "content" : "file");
        Source.Node.AppendTo(hash, Source.IsDirectory ? "" : Source.TargetName, rules);
    }

    public Task WriteAsync(CopyTarget target, CancellationToken cancellationToken)
    {
        if (IsArchive) new ArchiveUnpacker(target.Writer, target.Upper, target.Lower, target.Rules) { Limits = target.Limits }.Unpack(Tree, Source, target.Destination, cancellationToken);
        else target.Writer.Copy(Tree, Source, target.Destination);
        return Task.CompletedTask;
    }
}

/// <summary>A file whose content the Dockerfile gives.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Content">Its content.</param>
internal sealed record DocumentInput(string Name, string Content) : ICopyInput
{
    public void AppendTo(KeyHash hash, CopyRules rules)
    {
        hash.Append("document");
        hash.Append(Name);
        hash.Append(Content);
    }

    public Task WriteAsync(CopyTarget target, CancellationToken cancellationToken)
    {
        target.Writer.WriteFile(Name, Encoding.UTF8.GetBytes(Content), target.Destination);
        return Task.CompletedTask;
    }
}
