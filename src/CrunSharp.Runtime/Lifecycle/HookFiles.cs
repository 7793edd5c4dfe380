namespace CrunSharp.Runtime.Lifecycle;

/// <summary>Files of the host that what hooks print is appended to, and which are made if they are not there.</summary>
/// <param name="Output">For their standard output; null for none.</param>
/// <param name="Error">For their standard error; null for none.</param>
internal readonly record struct HookFiles(string? Output, string? Error);
