namespace CrunSharp.Oci.Runtime;

public sealed partial record RuntimeSpec
{
    /// <summary>Reads a <c>config.json</c> and checks what can be checked without the host.</summary>
    /// <param name="json">UTF-8, also with a byte order mark. Properties that are not known are ignored.</param>
    /// <param name="path">Where it is from, for errors.</param>
    /// <exception cref="CrunException">It is malformed, with line and column, or the specification does not allow it, with the section.</exception>
    public static RuntimeSpec Parse(ReadOnlySpan<byte> json, string path)
    {
        var spec = RuntimeJson.Read(ContainerJson.RuntimeKind, json, path);
        new SpecCheck(path).Check(spec);
        return spec;
    }

    /// <summary>
    /// Reads of a <c>config.json</c> that was checked before what is needed once the container is made: the process, the
    /// hooks and <c>intelRdt</c>. The rest, which is most of it, is passed over.
    /// </summary>
    /// <inheritdoc cref="Parse"/>
    public static RuntimeSpec ParseLater(ReadOnlySpan<byte> json, string path) => RuntimeJson.Read(LaterJson.RuntimeKind, json, path);

    /// <summary>The document as JSON.</summary>
    /// <param name="isIndented">Whether people read it.</param>
    public byte[] ToJson(bool isIndented = false) => RuntimeJson.Write(ContainerJson.RuntimeKind, this, isIndented);
}

public sealed partial record ProcessSpec
{
    /// <summary>Reads a process by itself, as <c>exec --process</c> gives it.</summary>
    /// <inheritdoc cref="RuntimeSpec.Parse"/>
    public static ProcessSpec Parse(ReadOnlySpan<byte> json, string path)
    {
        var process = RuntimeJson.Read(ProcessJson.ProcessKind, json, path);
        new SpecCheck(path).Check(process, "$");
        return process;
    }
}

public sealed partial record ResourcesSpec
{
    /// <summary>Reads limits by themselves, as <c>update --resources</c> gives them.</summary>
    /// <inheritdoc cref="RuntimeSpec.Parse"/>
    public static ResourcesSpec Parse(ReadOnlySpan<byte> json, string path) => RuntimeJson.Read(ResourcesJson.ResourcesKind, json, path);
}

public sealed partial record SeccompSpec
{
    /// <summary>The filter as JSON.</summary>
    public byte[] ToJson() => RuntimeJson.Write(ContainerJson.SeccompKind, this, isIndented: false);
}
