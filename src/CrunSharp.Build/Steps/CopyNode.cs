using System.Security.Cryptography;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Steps;

/// <summary>A file that is going to be copied, as it was when the step's key was made.</summary>
internal sealed class CopyNode
{
    /// <summary>The name in the source.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required FileStatus Status { get; init; }

    /// <summary>What a symbolic link says.</summary>
    public string LinkTarget { get; init; } = "";

    /// <summary>The hash of a regular file's content.</summary>
    public Digest Content { get; set; }

    /// <summary>The extended attributes that go with it.</summary>
    public IReadOnlyList<KeyValuePair<string, byte[]>> Attributes { get; init; } = [];

    /// <summary>What is in a directory, in the order of the names' bytes.</summary>
    public List<CopyNode> Children { get; } = [];

    /// <summary>Whether it is a directory that is only there for what is selected in it.</summary>
    public bool IsWayOnly { get; init; }

    /// <summary>The path in the source tree, without a leading slash; of files only.</summary>
    public string Path { get; init; } = "";

    /// <summary>Adds all that matters of it to a hash: no times, no inode, and the name only where the caller says so.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="name">The name in the target.</param>
    /// <param name="rules">Owner and permissions that replace the source's.</param>
    public void AppendTo(IncrementalHash hash, string name, CopyRules rules)
    {
        var made = rules.Apply(Status);
        CacheKey.Append(hash, PathEncoding.Encode(name));
        CacheKey.Append(hash, IsWayOnly ? -1 : (long)Status.Kind);
        CacheKey.Append(hash, made.Mode);
        CacheKey.Append(hash, ((long)made.Uid << 32) | made.Gid);
        if (Status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
            CacheKey.Append(hash, ((long)Status.RdevMajor << 32) | Status.RdevMinor);
        CacheKey.Append(hash, PathEncoding.Encode(LinkTarget));
        CacheKey.Append(hash, Content.ToString());
        CacheKey.Append(hash, Attributes.Count);
        foreach (var (attribute, value) in Attributes)
        {
            CacheKey.Append(hash, attribute);
            CacheKey.Append(hash, value);
        }
        CacheKey.Append(hash, Children.Count);
        foreach (var child in Children) child.AppendTo(hash, child.Name, rules);
    }
}

/// <summary>One source of a COPY after wildcards and links were resolved.</summary>
/// <param name="Node">What is copied.</param>
/// <param name="Parent">The resolved path of the directory that it is in.</param>
/// <param name="TargetName">Its name in a target directory; of a directory, the content is copied instead.</param>
internal sealed record CopySource(CopyNode Node, string Parent, string TargetName)
{
    /// <summary>Whether it is a directory, whose content is copied.</summary>
    public bool IsDirectory => Node.Status.Kind == FileKind.Directory;

    /// <summary>Adds its files to a list: kind, permissions, owner and content in words, by path.</summary>
    public void AddTo(Dictionary<string, string> files, CopyRules rules) => Add(files, Node, PosixPath.Join(Parent, Node.Name).TrimStart('/'), rules);

    private static void Add(Dictionary<string, string> files, CopyNode node, string path, CopyRules rules)
    {
        var made = rules.Apply(node.Status);
        var content = node.Status.Kind switch
        {
            FileKind.Regular => node.Content.Hex[..16],
            FileKind.SymbolicLink => Digest.Of(PathEncoding.Encode(node.LinkTarget)).Hex[..16],
            _ => "",
        };
        if (path.Length > 0 && !node.IsWayOnly)
            files[path] = $"{node.Status.Kind} {Convert.ToString(made.Mode & 0xfff, 8)} {made.Uid}:{made.Gid} {content}";
        foreach (var child in node.Children) Add(files, child, path.Length == 0 ? child.Name : $"{path}/{child.Name}", rules);
    }
}

/// <summary>Owner and permissions of copies.</summary>
/// <param name="Owner">The owner and group, replacing the source's.</param>
/// <param name="Mode">What becomes of the source's permissions; not of links.</param>
internal sealed record CopyRules((uint Uid, uint Gid)? Owner, ModeChange? Mode)
{
    public Ownership Apply(in FileStatus status) => new(
        Owner?.Uid ?? status.Uid, Owner?.Gid ?? status.Gid,
        status.Kind == FileKind.SymbolicLink ? 0x1ff : Mode?.Apply(status.Mode, status.Kind == FileKind.Directory) ?? status.Mode);

    /// <summary>Owner and permissions of directories on the way to the target.</summary>
    public Ownership Parents => new(Owner?.Uid ?? 0, Owner?.Gid ?? 0, 0x1ed);
}
