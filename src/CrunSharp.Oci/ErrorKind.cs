namespace CrunSharp.Oci;

/// <summary>What went wrong, in the words that decide an exit code.</summary>
public enum ErrorKind
{
    /// <summary>A system call or a device failed; <see cref="CrunException.Errno"/> tells which way.</summary>
    System,

    /// <summary>What the user or a document said cannot be understood or is not allowed.</summary>
    InvalidInput,

    /// <summary>The named thing does not exist.</summary>
    NotFound,

    /// <summary>The name is taken.</summary>
    Exists,

    /// <summary>The thing exists but is not in a state that allows the operation.</summary>
    WrongState,

    /// <summary>This host, kernel or version cannot do it.</summary>
    Unsupported,

    /// <summary>Permission is missing.</summary>
    Denied,

    /// <summary>Bytes are not those that were promised: a digest, a size or a format is wrong.</summary>
    Integrity,

    /// <summary>Another host could not be reached or answered wrongly.</summary>
    Network,

    /// <summary>The command to run does not exist in the container (exit code 127).</summary>
    CommandNotFound,

    /// <summary>The command to run exists but cannot be executed (exit code 126).</summary>
    CommandNotExecutable,
}
