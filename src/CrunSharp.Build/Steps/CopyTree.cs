using CrunSharp.Build.Cache;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Steps;

/// <summary>
/// The files that a step takes. There may be hundreds of thousands, and so they are rows and not objects: 160 bytes for each, and
/// its name. A directory comes before what is in it, and says where that ends.
/// </summary>
internal sealed class CopyTree
{
    private const int RowsInBlock = 1024;
    private const int MostInNames = 64 * 1024;

    // Blocks, as one array would leave as much again behind while it grows. Only the first one grows.
    private readonly List<CopyRow[]> _blocks = [new CopyRow[1]];
    private readonly List<byte[]> _names = [new byte[64]];
    private readonly List<(string LinkTarget, IReadOnlyList<KeyValuePair<string, byte[]>> Attributes)> _extras = [("", [])];
    private int _count;
    private int _namesUsed;

    /// <summary>A row; adding another one may move it.</summary>
    public ref CopyRow this[int row] => ref _blocks[row / RowsInBlock][row % RowsInBlock];

    /// <summary>Adds something behind all that is there.</summary>
    /// <param name="name">Its name in the source.</param>
    /// <param name="path">Its path in the source tree.</param>
    /// <param name="status">What it is.</param>
    /// <param name="linkTarget">What a symbolic link says.</param>
    /// <param name="attributes">The extended attributes that go with it.</param>
    /// <param name="isWayOnly">Whether it is a directory that is only there for what is selected in it.</param>
    public CopyNode Add(string name, PathKey path, in FileStatus status, string linkTarget, IReadOnlyList<KeyValuePair<string, byte[]>> attributes, bool isWayOnly = false)
    {
        var row = new CopyRow { Status = status, Path = path, IsWayOnly = isWayOnly, End = _count + 1 };
        (row.NameBlock, row.NameAt, row.NameLength) = Keep(name);
        if (linkTarget.Length > 0 || attributes.Count > 0)
        {
            row.Extra = _extras.Count;
            _extras.Add((linkTarget, attributes));
        }
        MakeRoom();
        this[_count] = row;
        return new CopyNode(this, _count++);
    }

    /// <summary>Ends a directory: all that was added since is in it.</summary>
    public void End(CopyNode directory) => this[directory.Row].End = _count;

    /// <summary>Takes back the last thing that was added, with all that is in it.</summary>
    public void Remove(CopyNode last) => _count = last.Row;

    /// <summary>Adds all of another tree behind all that is there.</summary>
    /// <param name="other">The other one, which is not used any more.</param>
    /// <returns>How much further down its rows are now.</returns>
    public int Append(CopyTree other)
    {
        var (rows, names, extras) = (_count, _names.Count, _extras.Count - 1);
        _names.AddRange(other._names);
        _namesUsed = other._namesUsed;
        _extras.AddRange(other._extras.Skip(1));
        for (var i = 0; i < other._count; i++)
        {
            var row = other[i];
            row.End += rows;
            row.NameBlock += names;
            if (row.Extra > 0) row.Extra += extras;
            MakeRoom();
            this[_count++] = row;
        }
        return rows;
    }

    /// <summary>A row's name.</summary>
    public string NameOf(int row) => PathEncoding.Decode(BytesOf(row));

    /// <summary>A row's name as its bytes.</summary>
    public ReadOnlySpan<byte> BytesOf(int row)
    {
        ref var at = ref this[row];
        return _names[at.NameBlock].AsSpan(at.NameAt, at.NameLength);
    }

    /// <summary>What few files have.</summary>
    public (string LinkTarget, IReadOnlyList<KeyValuePair<string, byte[]>> Attributes) ExtraOf(int row) => _extras[this[row].Extra];

    private void MakeRoom()
    {
        var last = _blocks[^1];
        if (_count < (_blocks.Count - 1) * RowsInBlock + last.Length) return;
        if (last.Length == RowsInBlock)
        {
            _blocks.Add(new CopyRow[RowsInBlock]);
            return;
        }
        Array.Resize(ref last, Math.Min(RowsInBlock, last.Length * 4));
        _blocks[^1] = last;
    }

    private (int Block, int At, int Length) Keep(string name)
    {
        var most = name.Length * 3;
        if (_names[^1].Length - _namesUsed < most)
        {
            _names.Add(new byte[Math.Max(most, Math.Min(MostInNames, _names[^1].Length * 4))]);
            _namesUsed = 0;
        }
        var at = _namesUsed;
        var length = PathEncoding.Encode(name, _names[^1].AsSpan(at));
        _namesUsed += length;
        return (_names.Count - 1, at, length);
    }
}

/// <summary>A file or directory of a <see cref="CopyTree"/>.</summary>
internal struct CopyRow
{
    /// <summary>What it is.</summary>
    public FileStatus Status;

    /// <summary>The hash of a regular file's content, if <see cref="IsHashed"/>.</summary>
    public ContentHash Content;

    /// <summary>The path in the source tree.</summary>
    public PathKey Path;

    /// <summary>The row behind the last one that is in it.</summary>
    public int End;

    /// <summary>Where link target and attributes are; 0 for none.</summary>
    public int Extra;

    /// <summary>Where the name is.</summary>
    public int NameBlock, NameAt, NameLength;

    /// <summary>Whether the content was looked at.</summary>
    public bool IsHashed;

    /// <summary>Whether it is a directory that is only there for what is selected in it.</summary>
    public bool IsWayOnly;
}
