using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>A repository of a registry: manifests, blobs and tags below one name.</summary>
public sealed class Repository
{
    internal Repository(RegistryClient client, ImageReference name)
    {
        (Client, Path, FamiliarName) = (client, name.Path, name.FamiliarName);
        Manifests = new Manifests(this);
        Blobs = new Blobs(this);
        Tags = new Tags(this);
        Referrers = new Referrers(this);
    }

    /// <summary>Its path within the registry, such as <c>library/busybox</c>.</summary>
    public string Path { get; }

    /// <summary>Its name as people write it: <c>busybox</c>, <c>localhost:5000/web</c>.</summary>
    public string FamiliarName { get; }

    /// <summary>Its manifests and indexes.</summary>
    public Manifests Manifests { get; }

    /// <summary>Its blobs: layers and configurations.</summary>
    public Blobs Blobs { get; }

    /// <summary>Its tags.</summary>
    public Tags Tags { get; }

    /// <summary>What refers to its manifests.</summary>
    public Referrers Referrers { get; }

    internal RegistryClient Client { get; }

    internal RegistryRequest Request(HttpMethod method, string rest, Access access, string what) => new()
    {
        Method = method,
        Target = $"/v2/{Path}/{rest}",
        Scopes = access switch { Access.Pull => Scope.Pull(Path), Access.Push => Scope.Push(Path), _ => Scope.Delete(Path) },
        Access = access,
        Repository = FamiliarName,
        What = what,
    };
}
