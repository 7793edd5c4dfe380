using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>What a name in a layer's tar says about names in the layers beneath.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts"/>
internal enum WhiteoutKind
{
    /// <summary>Nothing: it is a file's name.</summary>
    None,

    /// <summary>The name behind the prefix is gone.</summary>
    Name,

    /// <summary>All that is in the directory beneath is gone.</summary>
    Opaque,

    /// <summary>A note of AUFS to itself, which old Docker images have.</summary>
    Ignored,
}

/// <summary>Reads and writes the names of whiteouts.</summary>
internal static class Whiteouts
{
    public const string Prefix = ".wh.";
    public const string OpaqueName = ".wh..wh..opq";
    public const string OpaqueAttribute = "trusted.overlay.opaque";

    /// <summary>What a single name stands for; <paramref name="name"/> becomes the name that is gone.</summary>
    /// <exception cref="CrunException">It is a whiteout of nothing, or of a name that no file can have.</exception>
    public static WhiteoutKind Read(ref string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal)) return WhiteoutKind.None;
        if (name == OpaqueName) return WhiteoutKind.Opaque;
        if (name is ".wh..wh.plnk" or ".wh..wh.orph" or ".wh..wh.aufs") return WhiteoutKind.Ignored;
        var hidden = name[Prefix.Length..];
        if (hidden is "" or "." or ".." || hidden.StartsWith(Prefix, StringComparison.Ordinal))
            throw CrunException.Integrity($"\"{name}\" is no valid whiteout");
        name = hidden;
        return WhiteoutKind.Name;
    }
}

/// <summary>Which extended attributes a layer's tar carries, and which a layer's directory does.</summary>
internal static class AttributeRules
{
    private const string Capability = "security.capability";

    /// <summary>Whether an attribute is the file's own, and not a mark of overlayfs or a label of this host.</summary>
    public static bool IsCarried(string name) =>
        !name.StartsWith("trusted.overlay.", StringComparison.Ordinal)
        && !name.StartsWith("user.overlay.", StringComparison.Ordinal)
        && (name == Capability || !name.StartsWith("security.", StringComparison.Ordinal))
        && name is not ("system.nfs4_acl" or "system.nfs4acl");

    /// <summary>Whether the value is one that the attribute can have.</summary>
    /// <remarks>A capability set of version 2 has 20 bytes, one of version 3 has 24; the version is in the last byte of the first word.</remarks>
    public static bool IsValid(string name, ReadOnlySpan<byte> value) =>
        name != Capability || value.Length == 20 && value[3] == 2 || value.Length == 24 && value[3] == 3;
}
