namespace CrunSharp.Cli;

/// <summary>Which version this is.</summary>
internal static class ProductVersion
{
    /// <summary>The same as <c>Version</c> in Directory.Build.props; a constant, since reading the assembly costs time.</summary>
    public const string Text = "0.1.0";

    /// <summary>The version of Docker's API whose words and schema the commands speak.</summary>
    public const string DockerApi = "1.50";
}
