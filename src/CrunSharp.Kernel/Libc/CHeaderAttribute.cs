namespace CrunSharp.Kernel.Libc;

/// <summary>
/// Names the C header that a structure, an enumeration or a class of constants is taken from; a test compiles C that
/// proves every size, offset and value against it.
/// </summary>
/// <param name="header">The header as <c>#include</c> names it.</param>
/// <param name="name">The structure's name in C, with <c>struct</c>; null for constants, whose names are C's.</param>
[AttributeUsage(AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Class)]
internal sealed class CHeaderAttribute(string header, string? name = null) : Attribute
{
    public string Header { get; } = header;
    public string? Name { get; } = name;
}
