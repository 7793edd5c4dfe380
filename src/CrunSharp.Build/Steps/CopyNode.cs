using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Steps;

/// <summary>A file that is going to be copied, as it was when the step's key was made: a row of a <see cref="CopyTree"/>.</summary>
internal readonly struct CopyNode(CopyTree tree, int row)
{
    /// <summary>The row.</summary>
    public int Row => row;

    /// <summary>The name in the source.</summary>
    public string Name => tree.NameOf(row);

    /// <summary>What it is.</summary>
    public ref readonly FileStatus Status => ref tree[row].Status;

    /// <summary>What a symbolic link says.</summary>
    public string LinkTarget => tree.ExtraOf(row).LinkTarget;

    /// <summary>The extended attributes that go with it.</summary>
    public IReadOnlyList<KeyValuePair<string, byte[]>> Attributes => tree.ExtraOf(row).Attributes;

    /// <summary>The hash of a regular file's content; null where the content is not looked at.</summary>
    public ContentHash? Content
    {
        get => tree[row].IsHashed ? tree[row].Content : null;
        set => (tree[row].Content, tree[row].IsHashed) = (value!.Value, true);
    }

    /// <summary>The path in the source tree, for its <see cref="ContextIndex"/>; of files only.</summary>
    public PathKey Path => tree[row].Path;

    /// <summary>Whether it is a directory that is only there for what is selected in it.</summary>
    public bool IsWayOnly => tree[row].IsWayOnly;

    /// <summary>How many nodes there are, this one included.</summary>
    public int Count => tree[row].End - row;

    /// <summary>Whether it is a directory with something in it.</summary>
    public bool HasChildren => Count > 1;

    /// <summary>What is in a directory, in the order of the names' bytes.</summary>
    public IEnumerable<CopyNode> Children()
    {
        for (var child = row + 1; child < tree[row].End; child = tree[child].End) yield return new CopyNode(tree, child);
    }

    /// <summary>Adds all that matters of it to a hash: no times, no inode, and the name only where the caller says so.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="name">The name in the target.</param>
    /// <param name="rules">Owner and permissions that replace the source's.</param>
    public void AppendTo(KeyHash hash, string name, CopyRules rules)
    {
        hash.AppendName(name);
        AppendRest(hash, rules);
    }

    private void AppendRest(KeyHash hash, CopyRules rules)
    {
        ref readonly var status = ref Status;
        var made = rules.Apply(status);
        hash.Append(IsWayOnly ? -1 : (long)status.Kind);
        hash.Append(made.Mode);
        hash.Append(((long)made.Uid << 32) | made.Gid);
        if (status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
            hash.Append(((long)status.RdevMajor << 32) | status.RdevMinor);
        var (target, attributes) = tree.ExtraOf(row);
        hash.AppendName(target);
        if (Content is { } content) hash.Append(content);
        else hash.Append(default(Digest));
        hash.Append(attributes.Count);
        foreach (var (attribute, value) in attributes)
        {
            hash.Append(attribute);
            hash.Append(value);
        }
        if (!HasChildren)
        {
            hash.Append(0);
            return;
        }
        hash.Append(Children().Count());
        foreach (var child in Children())
        {
            hash.Append(tree.BytesOf(child.Row));
            child.AppendRest(hash, rules);
        }
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
            FileKind.Regular => node.Content?.Short ?? "",
            FileKind.SymbolicLink => Digest.Of(PathEncoding.Encode(node.LinkTarget)).Hex[..16],
            _ => "",
        };
        if (path.Length > 0 && !node.IsWayOnly)
            files[path] = $"{node.Status.Kind} {Convert.ToString(made.Mode & 0xfff, 8)} {made.Uid}:{made.Gid} {content}";
        foreach (var child in node.Children()) Add(files, child, path.Length == 0 ? child.Name : $"{path}/{child.Name}", rules);
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
